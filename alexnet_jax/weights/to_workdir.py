"""Networks saved as workdirs that are no runs: imported weights, and created networks."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import jax

from alexnet_jax.checkpoints import Checkpoints
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Model
from alexnet_jax.runs import CARD, FORMAT, hold_workdir, require_writable, write_atomically
from alexnet_jax.runtime import LOCK

_TEMPORARY = "import.tmp"


def require_empty_workdir(workdir: Path) -> None:
    """Raise InputError unless a workdir is an empty directory or can be created.

    The remains of an import that was killed do not count.
    """
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"workdir {workdir} is a file; give a directory")
    if workdir.is_dir() and any(
        entry.name not in (_TEMPORARY, LOCK) for entry in workdir.iterdir()
    ):
        raise InputError(f"workdir {workdir} is not empty; give another --workdir")
    require_writable(workdir, "workdir")


def save_workdir(model: Model, workdir: Path, *, data: str | None = None) -> None:
    """Write a workdir for evaluation, prediction, and the start of a training.

    It contains a checkpoint of step 0 with parameters and statistics, the settings and a model
    card. It is not a run that can be resumed: a training that starts from it has a workdir of its
    own.

    Args:
      model: the network to save.
      workdir: the directory to write; created if needed.
      data: name of the data set that `evaluate` tests on; by default ImageNet's.

    Raises:
      InputError: the workdir is a file, cannot be written or is not empty, or another process
        holds it.
    """
    require_empty_workdir(workdir)
    if data is not None:
        model = dataclasses.replace(model, config=dataclasses.replace(model.config, data=data))
    # The files are first written to a directory inside the workdir, because the workdir itself may
    # be impossible to replace, for example as a mounted disk.
    new, aside = not workdir.exists(), workdir / _TEMPORARY
    try:
        with hold_workdir(workdir):
            require_empty_workdir(workdir)  # another import may have ended meanwhile
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            try:
                _fill(model, aside)
                for name in ("checkpoints", CARD, "config.json"):
                    os.replace(aside / name, workdir / name)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    finally:
        if new and workdir.exists() and not any(workdir.iterdir()):
            workdir.rmdir()


def _fill(model: Model, workdir: Path) -> None:
    # What is saved is what was evaluated, an average of the weights where one was kept.
    config = dataclasses.replace(model.config, ema=0.0)
    model = dataclasses.replace(model, config=config, step=0, measured=())
    trees = jax.device_get({"params": model.params, "stats": model.statistics._asdict()})
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        checkpoints.save(0, trees, about=model.description().to_json())
    settings = {"format": FORMAT, "config": model.config.to_json(), "data_sha256": "imported"}
    write_atomically(workdir / CARD, model.card)
    write_atomically(workdir / "config.json", json.dumps(settings, indent=2) + "\n")
