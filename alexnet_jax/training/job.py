"""Job of a run: everything that a config names, loaded and checked before anything is written."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from alexnet_jax import data
from alexnet_jax.data import Batches, Dataset
from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import Architecture, preset_name, presets
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import (
    CARD,
    Description,
    Line,
    Session,
    TrainConfig,
    model_card,
    now,
    versions,
    write_atomically,
)
from alexnet_jax.runtime import device_name


@dataclass(frozen=True)
class Job:
    """Data set, network and devices that a config names, checked to fit each other."""

    config: TrainConfig
    dataset: Dataset
    architecture: Architecture
    topology: Topology
    start_sha256: str = ""  # SHA-256 of the weights that `config.start_from` names

    @classmethod
    def make(cls, config: TrainConfig) -> Job:
        """Load what a config names; raise InputError if it does not exist or does not fit."""
        _require_recorders(config)
        dataset = data.load(config.data, config.data_dir)
        if dataset.ground is not None:  # pictures are later read as those of the training were
            config = dataclasses.replace(config, ground=dataset.ground)
        architecture = presets.architecture(
            preset_name(config.preset),
            init=None if config.init == "preset" else preset_name(config.init),
            image_size=config.image_size or None,
            channels=dataset.channels,
            classes=len(dataset.class_names),
            layers=config.layers,
        )
        if architecture.longer_side > dataset.stored_size:
            raise InputError(
                f"preset {config.preset} takes images of {architecture.longer_side} pixels, but "
                f"{dataset.name} stores {dataset.stored_size}"
            )
        _require_layers(config, architecture)
        if len(config.channel_std) not in (0, dataset.channels):
            raise InputError(
                f"channel_std has {len(config.channel_std)} values, but the images of "
                f"{dataset.name} have {dataset.channels} channels"
            )
        if config.dtype == "float64" and not jax.config.read("jax_enable_x64"):
            raise InputError("dtype float64 needs JAX_ENABLE_X64=1 in the environment")
        Batches(dataset.train, config.batch, config.seed)  # raises for a batch larger than the data
        devices = topology(config.topology, architecture)
        devices.check_batch(config.batch, config.accumulate)
        return cls(config, dataset, architecture, devices)

    def description(self) -> Description:
        """Describe the network, and the run whose weights this one began with, if any."""
        start = {"start_from": self.config.start_from, "sha256": self.start_sha256}
        return Description(
            architecture=self.architecture,
            config=self.config,
            class_names=self.dataset.class_names,
            stored_size=self.dataset.stored_size,
            origin=start if self.start_sha256 else None,
        )

    def session(self, first_step: int) -> Session:
        """Describe a training that starts now, after `first_step` updates."""
        return Session(
            started=now(),
            first_step=first_step,
            device=device_name(self.topology.mesh.devices.flat[0]),
            devices=self.topology.mesh.size,
            processes=jax.process_count(),
            topology=self.config.topology,
            versions=versions(),
        )

    def save_card(
        self, workdir: Path, mean: np.ndarray, measured: Sequence[Line], params_sha256: str
    ) -> None:
        """Write the model card of the finished run.

        Args:
          workdir: the run's directory.
          mean: [S, S, C] mean image of the training split.
          measured: lines of `metrics.jsonl`.
          params_sha256: SHA-256 of the parameters.
        """
        hashes = {"parameters": params_sha256, "data": self.dataset.fingerprint()}
        step = self.config.steps
        card = model_card(
            self.description(), step=step, mean=mean, measured=measured, hashes=hashes
        )
        write_atomically(workdir / CARD, card)


def _require_recorders(config: TrainConfig) -> None:
    """Raise InputError if a recorder of `config.record` needs a library that is not installed."""
    if "tensorboard" in config.record and importlib.util.find_spec("tensorboardX") is None:
        raise InputError(
            "record=tensorboard needs tensorboardX, which is not installed: "
            "pip install 'alexnet_jax[tensorboard]'"
        )


def _require_layers(config: TrainConfig, architecture: Architecture) -> None:
    """Raise InputError for a setting that names a layer without weights, or if all are frozen."""
    trainable = [p.layer.name for p in architecture.placed() if p.kernel is not None]
    options = {
        "freeze": config.freeze,
        "layer_rates": tuple(config.layer_rates),
        "layer_decays": tuple(config.layer_decays),
    }
    for option, names in options.items():
        unknown = sorted(set(names) - set(trainable))
        if unknown:
            raise InputError(
                f"{option}: {architecture.name} has no layer with weights {', '.join(unknown)}; "
                f"{choices(unknown[0], trainable)}"
            )
    if set(config.freeze) == set(trainable):
        raise InputError("freeze leaves no layer to be trained")
