"""Weights saved as a workdir, or turned into a network that is ready to use."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np

from alexnet_jax.checkpoints import Checkpoints, params_sha256
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained
from alexnet_jax.parallel import topology
from alexnet_jax.runs import CARD, FORMAT, model_card, require_writable, write_atomically
from alexnet_jax.weights.weights import Weights

_TEMPORARY = "import.tmp"


def trained(weights: Weights, topology_name: str = "one_device") -> Trained:
    """Return the weights as `load_trained` would from a workdir, at step 0."""
    devices = topology(topology_name, weights.architecture)
    return Trained(
        **vars(weights.description()),
        step=0,
        params=devices.place(weights.params),
        statistics=devices.place(weights.statistics),
        topology=devices,
    )


def require_empty_workdir(workdir: Path) -> None:
    """Raise InputError unless a workdir is an empty directory or can be created.

    The remains of an interrupted import do not count.
    """
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"workdir {workdir} is a file; give a directory")
    if workdir.is_dir() and any(entry.name != _TEMPORARY for entry in workdir.iterdir()):
        raise InputError(f"workdir {workdir} is not empty; give another --workdir")
    require_writable(workdir, "workdir")


def save_workdir(weights: Weights, workdir: Path, *, data: str | None = None) -> None:
    """Write a workdir for evaluation, prediction, and the start of a training.

    It contains a checkpoint of step 0 with parameters and statistics, the settings and a model
    card. It is not a run that can be resumed: a training that starts from it has a workdir of its
    own.

    Args:
      weights: the weights to save.
      workdir: the directory to write; created if needed.
      data: name of the data set that `evaluate` tests on; by default ImageNet's.

    Raises:
      InputError: the workdir is a file, cannot be written or is not empty.
    """
    require_empty_workdir(workdir)
    if data is not None:
        weights = dataclasses.replace(
            weights, config=dataclasses.replace(weights.config, data=data)
        )
    # The files are first written to a directory inside the workdir, because the workdir itself may
    # be impossible to replace, for example as a mounted disk.
    new, aside = not workdir.exists(), workdir / _TEMPORARY
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        _fill(weights, aside)
        for name in ("checkpoints", CARD, "config.json"):
            os.replace(aside / name, workdir / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if new and not any(workdir.iterdir()):
            workdir.rmdir()


def _fill(weights: Weights, workdir: Path) -> None:
    description = weights.description()
    trees = {
        "params": weights.params,
        "stats": {name: np.asarray(x) for name, x in weights.statistics._asdict().items()},
    }
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        checkpoints.save(0, trees, about=description.to_json())
    settings = {"format": FORMAT, "config": weights.config.to_json(), "data_sha256": "imported"}
    hashes = {"parameters": params_sha256(weights.params), weights.file: weights.sha256}
    mean = np.asarray(weights.statistics.mean)
    card = model_card(description, step=0, mean=mean, measured=(), hashes=hashes)
    write_atomically(workdir / CARD, card)
    write_atomically(workdir / "config.json", json.dumps(settings, indent=2) + "\n")
