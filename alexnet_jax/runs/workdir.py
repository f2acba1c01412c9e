"""Directory of a run: its settings, and the names of its other files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alexnet_jax.errors import InputError
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runtime import LOCK, first_differing, hold, shared_error

FORMAT = 1
OURS = (
    "config.json",
    "config.json.tmp",
    "metrics.jsonl",
    "metrics.jsonl.tmp",
    "sessions.jsonl",
    "checkpoints",
    "damaged",
    "learning_curve.png",
    "conv1_kernels.png",
    "MODEL_CARD.md",
    "MODEL_CARD.md.tmp",
    "report.html",
    "tensorboard",
)


def write_atomically(path: Path, text: str) -> None:
    """Write a temporary file and rename it, so that readers see the old file or the new one.

    What is no text, as a byte of a file's name may be, is written as an escape.
    """
    aside = path.with_name(path.name + ".tmp")
    with open(aside, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def require_writable(path: Path, what: str) -> None:
    """Raise InputError unless a directory can be written, or created if it does not exist."""
    nearest = path.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{what} {path} cannot be written")


@contextlib.contextmanager
def hold_workdir(path: Path) -> Iterator[None]:
    """Create the directory of a run if needed, and keep other runs out of it while this one lasts.

    Raises:
      InputError: the path is a file or cannot be written; another process holds it.
    """
    _create(path)
    with hold(path):
        yield


def _create(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"workdir {path} is a file; give a directory")
    require_writable(path, "workdir")
    path.mkdir(parents=True, exist_ok=True)


def open_workdir(
    path: Path, config: TrainConfig, data_sha256: str, *, fresh: bool, start_sha256: str = ""
) -> None:
    """Create the directory of a run, or check that an existing one belongs to this run.

    Args:
      path: the directory, which `hold_workdir` keeps other processes out of.
      config: settings of the run.
      data_sha256: fingerprint of the data set.
      fresh: remove the files of an earlier run, and no others.
      start_sha256: SHA-256 of the weights in `config.start_from`, "" if it names none.

    Raises:
      InputError: the path is a file or cannot be written, or the run there has other settings,
        which the message names.
    """
    _create(path)
    if fresh:
        for name in OURS:
            old = path / name
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink(missing_ok=True)
    elif (path / "config.json").exists():
        before, sha256 = read_settings(path)
        differences = before.differences(config)
        if _read(path).get("start_sha256", "") != start_sha256:
            now = f"{before.start_from or 'none'}, now {config.start_from or 'none'}"
            differences.append(f"start_from: the weights of {now}")
        if sha256 != data_sha256:
            differences.append("the data set has changed")
        # With the quadratic schedule, `differences` has listed the steps already.
        if config.steps < before.steps and before.schedule != "quadratic":
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
    settings = {"format": FORMAT, "config": config.to_json(), "data_sha256": data_sha256}
    if start_sha256:
        settings["start_sha256"] = start_sha256
    write_atomically(path / "config.json", json.dumps(settings, indent=2) + "\n")


def require_shared(path: Path) -> None:
    """Raise InputError unless all processes of a run see the same directory.

    All call it together, while the first of them holds the directory.
    """
    try:
        lock = (path / LOCK).read_text(encoding="utf-8", errors="replace")
    except OSError:
        lock = ""  # not what the first process reads
    process = first_differing(lock)
    if process is not None:
        raise shared_error(
            f"process {process} sees another workdir {path} than process 0; give a directory on a "
            "file system that they share"
        )


def require_settings(path: Path, data_sha256: str) -> None:
    """Raise InputError if this process does not see the workdir's settings, or has other data."""
    if not (path / "config.json").is_file():
        raise InputError(
            f"workdir {path} is not seen by every process; give a directory on a file system that "
            "they share"
        )
    if read_settings(path)[1] != data_sha256:
        raise InputError("the data set is not the same in every process")


def read_settings(path: Path) -> tuple[TrainConfig, str]:
    """Read the settings of the run in a directory and the fingerprint of its data.

    Raises:
      InputError: the directory has no run, or its config.json is not one of this project.
    """
    settings, file = _read(path), path / "config.json"
    try:
        return TrainConfig.from_json(settings["config"]), settings["data_sha256"]
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def read_start(path: Path) -> tuple[TrainConfig, str] | None:
    """Read the settings of the run in a directory, and the hash of the weights it began with.

    Returns None if there is no run, or if its weights were drawn from its seed.
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
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        version = settings.get("format") if isinstance(settings, dict) else None
        raise InputError(
            f"{file} has format {version!r}; this version reads {FORMAT}: use the version of "
            "alexnet_jax that wrote it, or --fresh to start over"
        )
    config, data_sha256 = settings.get("config"), settings.get("data_sha256")
    if not isinstance(config, dict) or not isinstance(data_sha256, str):
        raise InputError(f"{file} lacks the settings of a run")
    return settings
