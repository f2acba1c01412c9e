"""Names of files as text, which libraries need that pass them on in UTF-8."""

from __future__ import annotations

import sys
from pathlib import Path

from alexnet_jax.errors import InputError


def text_path(path: Path, what: str) -> Path:
    """Return a path; raise InputError if its name is not text in UTF-8, which `what` need."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        remedy = "" if encoding == "utf-8" else "set PYTHONUTF8=1 if it is UTF-8, or "
        raise InputError(
            f"the name of {path} is no text in {encoding}, and {what} need it to be; {remedy}"
            "give a directory with another name"
        ) from None
    return path
