"""The one error that is a user's to mend."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    r"""Return a text with escapes for its characters that are not printed.

        printable("a\x1b[2J\nb")   # "a\\x1b[2J\\nb"

    Names of files, classes and arrays are made by others. Control characters in them would steer
    the terminal, newlines would add lines to a list, and marks of writing direction and single
    surrogates would show another name or none. Letters of every script stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


class InputError(ValueError):
    """A setting, file or size that cannot be used. Its message is one line: what was wrong, which
    value, what would be right. The scripts print it and exit with status 2.

    The message is made `printable`, since it holds names that others gave; its lines are joined.
    """

    def __init__(self, message: object = "") -> None:
        lines = str(message).split("\n")
        text = lines[0] if len(lines) == 1 else " ".join(map(str.strip, lines))
        super().__init__(printable(text))


class FailedElsewhere(InputError):
    """An error that another process of the run raised, and prints itself."""


class InUse(InputError):
    """A directory that another process works in."""


class TrainingFailed(InputError):
    """A training that is of no use: a loss or weight is no number, or the loss stays at chance."""


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
