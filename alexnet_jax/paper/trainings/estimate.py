"""Estimates of a training's time on one GPU."""

from __future__ import annotations

from alexnet_jax.network import preset_name, presets
from alexnet_jax.planning import Machine, layout, predict
from alexnet_jax.runs import TrainConfig

LAUNCHES = 5e-4  # s an update; about 100 kernels of 5 us each
WORDS = (
    "Times of one GPU are estimates from counts at assumed rates, and nothing of them is measured: "
    "1e14 operations/s, 2 TB/s of memory for the update of the weights, and half a millisecond an "
    "update to launch kernels, which is most of it for networks this small. Compilation, input and "
    "evaluations come on top."
)


def gpu_seconds(config: TrainConfig) -> float:
    """Estimate the seconds of a training on one GPU; evaluations are left out."""
    network = presets.architecture(
        preset_name(config.preset), image_size=config.image_size or None, layers=config.layers
    )
    step = predict(network, layout("one_device", network, 1), config.batch, Machine())
    return config.steps * (step.apart + LAUNCHES)
