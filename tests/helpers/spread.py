"""A small network trained on any topology, and the comparison of two states."""

import dataclasses
from typing import Any

import chex
import jax
import numpy as np

from alexnet_jax.data.augment import Statistics
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import ViewRule
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import Topology, topology
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.state import TrainState
from helpers.compiled import init_state, make_train_step
from helpers.runs import NARROW

# Names and numbers of devices.
FEW = [("two_towers", 2), ("data", 2), ("data_towers", 8), ("hybrid", 4)]

CONFIG = TrainConfig(
    name="spread", data="", steps=3, batch=16, learning_rate=0.05, pixel_scale=1 / 128, ema=0.9
)

LARGE = {"trust": 0.02, "bias_learning_rate": 0.05, "learning_rate": 5.0, "warmup_epochs": 0.02}
LARS = dataclasses.replace(CONFIG, dtype="float64", schedule="quadratic", **LARGE)

STATISTICS = Statistics(
    np.full((32, 32, 1), 100, np.float32), np.ones((1, 1), np.float32), np.full(1, 40, np.float32)
)


def network(classes: int = 10, preset: str = "small", **rule: Any) -> Architecture:
    net = architecture(preset, image_size=28, channels=1, classes=classes, layers=NARROW)
    return dataclasses.replace(net, views=ViewRule(**rule))


def spread_over(name: str, devices: int, net: Architecture) -> Topology:
    return topology(name, net, jax.devices()[:devices])


def batch(seed: int, classes: int = 10) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "image": random.integers(0, 256, (16, 32, 32, 1)).astype(np.uint8),
        "label": random.integers(0, classes, 16).astype(np.int32),
        "index": np.arange(16, dtype=np.int32),
    }


def assert_same(state: TrainState, other: TrainState) -> None:
    """Compares float64 states of the same updates on different devices."""
    for tree in ("params", "opt_state", "average", "step"):
        chex.assert_trees_all_close(
            jax.device_get(getattr(state, tree)),
            jax.device_get(getattr(other, tree)),
            rtol=1e-10,
            atol=1e-13,
        )


def trained(place: Topology, net: Architecture, config: TrainConfig) -> tuple[TrainState, Any]:
    """The state after `config.steps` updates, and the loss of each.

    The first state is that of one device, placed: it is drawn there on any topology.
    """
    home = spread_over("one_device", 1, net)
    state = place.place(init_state(net, config, home))
    step = make_train_step(net, config, place, 100.0)
    statistics, losses = place.place(STATISTICS), []
    for number in range(config.steps):
        placed = place.place_batch(batch(number, net.classes))
        state, metrics = step(state, placed, statistics)
        losses.append([float(metrics[name]) for name in ("loss", "top1", "top5")])
    return state, losses
