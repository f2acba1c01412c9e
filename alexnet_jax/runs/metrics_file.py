"""File `metrics.jsonl` of a run: its measurements and events."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from alexnet_jax.errors import InputError
from alexnet_jax.runs.workdir import write_atomically


class Line(TypedDict, total=False):
    """Line of `metrics.jsonl`: a measurement or an event."""

    step: int
    split: str
    loss: float
    top1: float
    top5: float
    learning_rate: float
    input_wait: float
    images_per_second: float
    event: str
    params_sha256: str


class MetricsFile:
    """File `metrics.jsonl`: one line of JSON per measurement, in the order of steps.

    `writing` is True in only one of a run's processes.
    """

    def __init__(self, path: Path, *, writing: bool = True) -> None:
        self._path, self._writing = path, writing

    def read(self) -> list[Line]:
        """Read all lines, except a last line that a crash has cut short.

        Raises:
          InputError: a line before the last is not a measurement in JSON.
        """
        if not self._path.exists():
            return []
        texts = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = []
        for number, text in enumerate(texts, 1):
            try:
                line = json.loads(text)
                if not is_measurement(line):
                    raise ValueError("no measurement")
                lines.append(line)
            except (ValueError, RecursionError):
                if number < len(texts):
                    raise InputError(f"{self._path}: line {number} is not one of ours") from None
        return lines

    def append(self, line: Mapping[str, object]) -> None:
        """Append a line; raise InputError if it cannot be written."""
        if not self._writing:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:  # on a full disk, it does not name the file
            raise InputError(
                f"{self._path} cannot be written ({error.strerror}); once that is mended, the same "
                "command resumes from the last checkpoint"
            ) from error

    def sync(self) -> None:
        """Flush appended lines to the disk: a checkpoint must not outlive the lines before it."""
        if self._writing and self._path.exists():
            with open(self._path, "a", encoding="utf-8") as file:
                os.fsync(file.fileno())

    def rewind(self, step: int) -> None:
        """Keep the lines up to `step`, from which a run resumes; it writes the later ones again."""
        if not self._writing:
            return
        kept = [line for line in self.read() if line["step"] <= step and "event" not in line]
        write_atomically(self._path, "".join(json.dumps(line) + "\n" for line in kept))

    @property
    def finished(self) -> bool:
        """Whether the last line is the event "done"."""
        lines = self.read()
        return bool(lines) and lines[-1].get("event") == "done"


def is_measurement(line: Any) -> bool:
    """Whether a JSON value is a line of this file, with the numbers that figures and cards need."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return False
    numbers = [line.get(name) for name in ("loss", "top1", "top5")] if "split" in line else []
    return all(type(value) in (int, float) for value in numbers)
