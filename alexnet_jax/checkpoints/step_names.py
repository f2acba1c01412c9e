"""Listing of checkpoints that succeeds even if one cannot be read, and a place for such ones."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def set_aside(directory: Path, steps: Iterable[int]) -> None:
    """Move the directories of steps to `damaged/` beside theirs, so that they can be saved anew."""
    aside = directory.with_name("damaged")
    aside.mkdir(exist_ok=True)
    for step in steps:
        (directory / str(step)).rename(aside / f"{step}-{time.time_ns()}")


def tolerant_names() -> Any:
    """Return orbax's name format for directories of steps, made tolerant of damage.

    The directories are named by step number. orbax's own format reads every step's time from the
    step's description, so one flipped bit makes all steps unreadable. Here a damaged step gets the
    time of its directory, and a step that a training removes meanwhile is left out, or keeps
    the time it had.
    """
    from orbax.checkpoint import path

    standard = path.step.standard_name_format()

    class Tolerant(type(standard)):  # type: ignore[misc]
        def find_all(self, base_path: Any) -> Iterator[Any]:
            for step in super().find_all(base_path):
                try:
                    _note_time(step)
                except FileNotFoundError:
                    continue
                yield step

        def find_step(self, base_path: Any, step: int) -> Any:
            try:
                return super().find_step(base_path, step)
            except ValueError as error:
                raise _StepGoneError(str(error)) from error

    return Tolerant()


class _StepGoneError(FileNotFoundError, ValueError):
    """Error for a step that is gone. orbax raises ValueError, but ignores only FileNotFoundError
    when it reads a step's metrics."""


def _note_time(step: Any) -> None:
    """Store a step's time in it for orbax to read; raise FileNotFoundError if the step is gone."""
    try:
        step.commit_timestamp  # noqa: B018
        if step.commit_timestamp_nsecs is not None:
            return
    except Exception:  # orbax raises many kinds for a damaged description
        vars(step)["_checkpoint_metadata"] = None
    changed = round(1e9 * step.path.stat().mtime)
    vars(step)["_checkpoint_metadata"] = SimpleNamespace(
        init_timestamp_nsecs=None, commit_timestamp_nsecs=changed
    )
