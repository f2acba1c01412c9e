"""Recorders: where the measurements of a run go, besides its console."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from alexnet_jax.runs import MetricsFile, TrainConfig
from alexnet_jax.training.tensorboard import TensorBoard


class Recorder(Protocol):
    """Receiver of a run's measurements, called by the first process alone, between two updates.

    What a recorder has no form for, it ignores.
    """

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        """Record numbers by name, of the group "train", "test" or "inside" the network."""

    def images(self, step: int, name: str, images: np.ndarray) -> None:
        """Record pictures [N, H, W, C], float in [0, 1], of 1 or 3 channels."""

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        """Record the distribution of all values of an array, which are finite."""

    def close(self) -> None:
        """Write what is not written yet; nothing is recorded afterwards."""


class JsonLines:
    """Recorder that appends the scalars of training and test to a run's metrics.jsonl."""

    def __init__(self, file: MetricsFile) -> None:
        self._file = file

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        if group != "inside":
            self._file.append({"step": step, "split": group, **values})

    def images(self, step: int, name: str, images: np.ndarray) -> None:
        pass

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        pass

    def close(self) -> None:
        pass


def make_recorders(config: TrainConfig, workdir: Path) -> tuple[Recorder, ...]:
    """Open the recorders that `config.record` names, with files in a run's workdir."""
    makers = {"tensorboard": TensorBoard}
    return tuple(makers[name](workdir / name) for name in config.record)
