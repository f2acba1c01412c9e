"""Conditions without which no checkpoint can be saved, checked before a training begins."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from alexnet_jax.errors import InputError

_FILES = 64  # open at once during a save; 48 was the most in saves of 8 to 80 arrays


def require_savable(directory: Path, array_bytes: int) -> None:
    """Raise InputError if a checkpoint of so many bytes of arrays cannot be saved in a directory.

    A process may open too few files, the disk have too little room for even one checkpoint, or
    something else be in its place.
    """
    place = directory / "checkpoints"
    if os.path.lexists(place) and not place.is_dir():
        raise InputError(f"{place} is not a directory; checkpoints are to be saved there")
    with contextlib.ExitStack() as files:
        try:
            for _ in range(_FILES):
                files.enter_context(open(os.devnull, "rb"))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            raise InputError(
                f"a checkpoint needs {_FILES} open files, more than this process may open "
                f"({error.strerror}); raise the limit, for example by ulimit -n 1024"
            ) from None
    free = shutil.disk_usage(directory).free
    if free < array_bytes:
        raise InputError(
            f"{directory} has {free / 1e6:,.1f} MB free, but a checkpoint takes about "
            f"{array_bytes / 1e6:,.1f} MB"
        )


def probe(directory: Path, step: int) -> None:
    """Raise OSError if a step cannot be written to a directory; orbax would wait ten minutes."""
    place = directory / f"{step}.probe"
    place.mkdir(exist_ok=True)  # a killed run may have left one
    place.rmdir()
