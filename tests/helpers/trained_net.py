"""A network with random weights, as if trained, to export."""

from __future__ import annotations

from typing import Any

import numpy as np

from alexnet_jax.data.augment import Statistics
from alexnet_jax.inference.trained import Trained
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.runs.config import TrainConfig
from helpers.weight_files import narrow


def trained(preset: str, **changes: Any) -> Trained:
    """A narrow network with random weights of a size at which every layer shows."""
    net = narrow(preset, **changes)
    draw = np.random.default_rng(5)
    params: dict[str, Any] = {}
    for placed in net.placed():
        if placed.kernel is not None:
            std = np.sqrt(2 / np.prod(placed.kernel[:-1]))
            kernel = (draw.normal(size=placed.kernel) * std).astype(np.float32)
            bias = (0.1 * draw.normal(size=placed.kernel[-1])).astype(np.float32)
            params[placed.layer.name] = {"kernel": kernel, "bias": bias}
    mean = draw.uniform(90, 130, (256, 256, 3)).astype(np.float32)
    statistics = Statistics(mean, np.eye(3, dtype=np.float32), np.ones(3, np.float32))
    config = TrainConfig(
        name=preset, data="photos", steps=9, preset=preset, pixel_scale=1 / 64,
        channel_std=(1.0, 1.5, 2.0),
    )  # fmt: skip
    place = topology("one_device", net)
    return Trained(
        step=9,
        architecture=net,
        params=params,
        statistics=statistics,
        class_names=tuple("abcdefg"),
        stored_size=256,
        config=config,
        topology=place,
    )
