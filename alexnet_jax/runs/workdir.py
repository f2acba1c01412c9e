"""The directory of a run: its settings, its metrics file, and what belongs to it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from alexnet_jax.errors import InputError
from alexnet_jax.runs.config import TrainConfig

FORMAT = 1
OURS = (
    "config.json",
    "config.json.tmp",
    "metrics.jsonl",
    "metrics.jsonl.tmp",
    "checkpoints",
    "damaged",
    "learning_curve.png",
    "conv1_kernels.png",
    "MODEL_CARD.md",
    "MODEL_CARD.md.tmp",
)


def write_atomically(path: Path, text: str) -> None:
    """Writes aside and renames, so that a reader finds the old file or the new one, whole."""
    aside = path.with_name(path.name + ".tmp")
    with open(aside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def require_writable(path: Path, what: str) -> None:
    """Raises InputError unless a directory is there or can be made, and written."""
    nearest = path.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{what} {path} cannot be written")


def open_workdir(
    path: Path, config: TrainConfig, data_sha256: str, *, fresh: bool, start_sha256: str = ""
) -> None:
    """Makes the directory of a run, or finds that it belongs to this one.

    Args:
      start_sha256: of the weights that the run begins with, where `config.start_from` names any.

    Raises:
      InputError: a file, a place that cannot be written, or a run with other settings (the
        message says which). `fresh` removes what an earlier run left there, and nothing else.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"workdir {path} is a file; give a directory")
    require_writable(path, "workdir")
    if fresh:
        for name in OURS:
            found = path / name
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink(missing_ok=True)
    elif (path / "config.json").exists():
        before, sha256 = read_settings(path)
        differences = before.differences(config)
        if _read(path).get("start_sha256", "") != start_sha256:
            now = f"{before.start_from or 'none'}, now {config.start_from or 'none'}"
            differences.append(f"start_from: the weights of {now}")
        if sha256 != data_sha256:
            differences.append("the data set has changed")
        if config.steps < before.steps and before.schedule != "quadratic":  # which has said so
            differences.append(f"steps: {before.steps}, now {config.steps} (may only grow)")
        if differences:
            raise InputError(
                f"workdir {path} belongs to a run with other settings: {'; '.join(differences)}; "
                "use another --workdir, or --fresh to start over"
            )
    elif (path / "checkpoints").exists():
        raise InputError(
            f"workdir {path} has checkpoints but no config.json to say of which run; "
            "use another --workdir, or --fresh to start over"
        )
    path.mkdir(parents=True, exist_ok=True)
    settings = {"format": FORMAT, "config": config.to_json(), "data_sha256": data_sha256}
    if start_sha256:
        settings["start_sha256"] = start_sha256
    write_atomically(path / "config.json", json.dumps(settings, indent=2) + "\n")


def require_settings(path: Path, data_sha256: str) -> None:
    """Raises InputError where this process does not see what another has written there, or has
    other data."""
    if not (path / "config.json").is_file():
        raise InputError(
            f"workdir {path} is not seen by every process; give a directory on a file system that "
            "they share"
        )
    if read_settings(path)[1] != data_sha256:
        raise InputError("the data set is not the same in every process")


def read_settings(path: Path) -> tuple[TrainConfig, str]:
    """The settings of the run in a directory and the fingerprint of its data.

    Raises:
      InputError: no run there, or a config.json that is not one of ours.
    """
    found, file = _read(path), path / "config.json"
    try:
        return TrainConfig.from_json(found["config"]), found["data_sha256"]
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def recorded_start(path: Path) -> tuple[TrainConfig, str] | None:
    """The settings of the run in a directory, and the hash of the weights that it began with.

    None where there is no run, or one that began with its own seed's.
    """
    if not (path / "config.json").is_file():
        return None
    sha256 = _read(path).get("start_sha256")
    return None if sha256 is None else (read_settings(path)[0], sha256)


def _read(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    if not file.is_file():
        raise InputError(f"{path} holds no training run (no config.json)")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        version = found.get("format") if isinstance(found, dict) else None
        raise InputError(
            f"{file} has format {version!r}; this version reads {FORMAT}: use the version of "
            "alexnet_jax that wrote it, or --fresh to start over"
        )
    if not isinstance(found.get("config"), dict) or not isinstance(found.get("data_sha256"), str):
        raise InputError(f"{file} lacks the settings of a run")
    return found


class Line(TypedDict, total=False):
    """A line of `metrics.jsonl`: a measurement, or an event."""

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
    """`metrics.jsonl`: a line of JSON a measurement, in the order of steps.

    `writing` is False in all but one of a run's processes.
    """

    def __init__(self, path: Path, *, writing: bool = True) -> None:
        self._path, self._writing = path, writing

    def read(self) -> list[Line]:
        """All lines; a last one cut short by a crash is left out.

        Raises:
          InputError: another line that is not a measurement in JSON.
        """
        if not self._path.exists():
            return []
        texts = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = []
        for number, text in enumerate(texts, 1):
            try:
                line = json.loads(text)
                if not _is_measurement(line):
                    raise ValueError("no measurement")
                lines.append(line)
            except (ValueError, RecursionError):
                if number < len(texts):
                    raise InputError(f"{self._path}: line {number} is not one of ours") from None
        return lines

    def append(self, line: Mapping[str, object]) -> None:
        if not self._writing:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:  # which does not say where the disk is full
            raise InputError(
                f"{self._path} cannot be written ({error.strerror}); once that is mended, the same "
                "command goes on from the last checkpoint"
            ) from error

    def sync(self) -> None:
        """Has what was appended on disk: a checkpoint goes on after its lines, and needs them."""
        if self._writing and self._path.exists():
            with open(self._path, "a", encoding="utf-8") as file:
                os.fsync(file.fileno())

    def rewind(self, step: int) -> None:
        """Keeps the lines up to `step`, where a run goes on; later ones will be written again."""
        if not self._writing:
            return
        kept = [line for line in self.read() if line["step"] <= step and "event" not in line]
        write_atomically(self._path, "".join(json.dumps(line) + "\n" for line in kept))

    @property
    def finished(self) -> bool:
        lines = self.read()
        return bool(lines) and lines[-1].get("event") == "done"


def _is_measurement(line: Any) -> bool:
    """Whether a value from JSON is a line of ours, with what is drawn and told of it."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return False
    numbers = [line.get(name) for name in ("loss", "top1", "top5")] if "split" in line else []
    return all(type(value) in (int, float) for value in numbers)
