"""First lines of a training: what is trained on what, how long, where, and a check of the start."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alexnet_jax.inference import image_dependent_share
from alexnet_jax.runtime import device_name
from alexnet_jax.training.health import chance_loss
from alexnet_jax.training.job import Job

# Share of the logits' energy below which the check warns. The paper's initial values give about
# 1.6e-4, those of the source 1.3e-2.
BLIND = 1e-3


def opening(job: Job, workdir: Path) -> list[str]:
    """Return lines that say what a run trains, on what, how long and where."""
    config, data, network = job.config, job.dataset, job.architecture
    colours = {1: "grey", 3: "colour"}.get(data.channels, f"{data.channels}-channel")
    parameters = sum(placed.parameters for placed in network.placed())
    height, width, _ = network.input_shape
    epochs = config.steps * config.batch / len(data.train)
    loss, top1 = chance_loss(data.train.labels), _most_frequent(data.test.labels)
    return [
        f"data: {data.name}, {len(data.train):,} {colours} images of {data.stored_size} x "
        f"{data.stored_size} pixels to train on and {len(data.test):,} others to test with, "
        f"{len(data.class_names):,} classes",
        f"network: {network.name}, {parameters:,} parameters, sees {height} x {width} pixels",
        f"training: {config.steps:,} steps of {config.batch} images ({_times(epochs)} the training "
        f"images) on {_devices(job)}; files go to {workdir}",
        f"for comparison: guessing has a loss of {loss:.3f} and a top1 of {top1:.1%}; training "
        "lowers the loss and raises top1, the share of right answers",
    ]


def _times(epochs: float) -> str:
    if epochs < 1:
        return f"{epochs:.0%} of"
    return f"{epochs:.3g} times" if epochs < 100 else f"{epochs:,.0f} times"


def _devices(job: Job) -> str:
    devices = job.topology.mesh.devices.flat
    name, count = device_name(devices[0]), len(list(devices))
    return name if count == 1 else f"{count} devices ({name}), {job.config.topology}"


def _most_frequent(labels: np.ndarray) -> float:
    """Return the share of the most frequent class, which is right if always guessed."""
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else 0.0


def describe_start(logits: np.ndarray) -> tuple[str, bool]:
    """Describe whether an untrained network tells images apart.

    Args:
      logits: [B, K] float64, of B images.

    Returns:
      A line, and whether it is a warning.
    """
    share = image_dependent_share(logits)
    percent = f"{100 * share:.2g}%"
    if share >= BLIND:
        return (
            f"check: before training, {percent} of the outputs' energy depends on the picture; "
            f"it is enough to learn from (above {BLIND:.1%})",
            False,
        )
    return (
        f"warning: before training, only {percent} of the outputs' energy depends on the picture: "
        "the network answers nearly the same to all of them, and may take long to begin to learn; "
        "--set init=source2012 starts conv3 to conv5 from .03, as the authors' own runs did",
        True,
    )
