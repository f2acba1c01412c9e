"""The one error that is a user's to mend."""

from __future__ import annotations


class InputError(ValueError):
    """A setting, file or size that cannot be used. Its message is one line: what was wrong, which
    value, what would be right. The scripts print it and exit with status 2."""


class FailedElsewhere(InputError):
    """An error that another process of the run raised, and prints itself."""


class SaveFailed(InputError):
    """A checkpoint could not be written. Threads of the library that writes them may wait for each
    other for minutes; a script ends without them."""
