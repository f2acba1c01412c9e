"""Which checkpoints there are, also beside one whose description cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any


def tolerant_names() -> Any:
    """orbax's rule for the directories of steps, their names being numbers.

    Its own reads the time of every step from the step's description, and a single flipped bit in
    one of them makes all of them unreadable. Here such a step has the time of its directory. A
    step that a training removes meanwhile is left out, or has the time it had.
    """
    from orbax.checkpoint import path

    standard = path.step.standard_name_format()

    class Tolerant(type(standard)):  # type: ignore[misc]
        def find_all(self, base_path: Any) -> Iterator[Any]:
            for found in super().find_all(base_path):
                try:
                    _note_time(found)
                except FileNotFoundError:
                    continue
                yield found

        def find_step(self, base_path: Any, step: int) -> Any:
            try:
                return super().find_step(base_path, step)
            except ValueError as error:
                raise _StepGoneError(str(error)) from error

    return Tolerant()


class _StepGoneError(FileNotFoundError, ValueError):
    """orbax raises the second, and passes over the first where it reads a step's metrics."""


def _note_time(found: Any) -> None:
    """Has a step know its time, which orbax asks for later. FileNotFoundError if it is gone."""
    try:
        found.commit_timestamp  # noqa: B018
        if found.commit_timestamp_nsecs is not None:
            return
    except Exception:  # whatever its reader raises
        vars(found)["_checkpoint_metadata"] = None
    time = round(1e9 * found.path.stat().mtime)
    vars(found)["_checkpoint_metadata"] = SimpleNamespace(
        init_timestamp_nsecs=None, commit_timestamp_nsecs=time
    )
