"""The one error that is a user's to mend."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """A setting, file or size that cannot be used. Its message is one line: what was wrong, which
    value, what would be right. The scripts print it and exit with status 2."""


class FailedElsewhere(InputError):
    """An error that another process of the run raised, and prints itself."""


class SaveFailed(InputError):
    """A checkpoint could not be written. Threads of the library that writes them may wait for each
    other for minutes; a script ends without them."""


def choices(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known one, then all of them.

        choices("papr", ["paper", "owt"])   # "did you mean 'paper'? there are paper, owt"

    Letters compare without their case; without a near name, the question is left out.
    """
    import difflib

    names = list(known)
    lower = {one.lower(): one for one in reversed(names)}
    near = difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0.65)
    question = f"did you mean {lower[near[0]]!r}? " if near else ""
    return f"{question}there are {', '.join(names)}"
