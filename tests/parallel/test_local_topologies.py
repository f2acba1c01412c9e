"""Locally connected layers and average pooling, divided over devices, train as on one device."""

from typing import Any

import jax
import numpy as np
import pytest
from helpers.reference import assert_close

from alexnet_jax.data import Statistics
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import LRN, AveragePool, Conv, Dense, Local, MaxPool
from alexnet_jax.parallel import topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import init_state, make_train_step

BATCH, SIDE = 8, 12
NET = Architecture(
    name="local",
    image_size=SIDE,
    channels=3,
    classes=6,
    layers=(
        Conv("conv1", 8, kernel=5, padding=2, std=0.3),
        MaxPool("pool1", overhang=True),
        LRN("lrn1", n=3, k=1.0, alpha=0.1),
        AveragePool("pool2", overhang=True),
        Local("local3", 8, kernel=3, padding=1, std=0.3),
        Local("local4", 4, kernel=3, padding=1, std=0.3),
        Dense("fc5", 6, activation="linear", std=0.3),
    ),
)


def trained(name: str, devices: int) -> Any:
    """Parameters after two updates, in float64."""
    random = np.random.default_rng(0)
    batch = {
        "image": random.integers(0, 256, (BATCH, SIDE, SIDE, 3)).astype(np.uint8),
        "label": random.integers(0, 6, BATCH).astype(np.int32),
        "index": np.arange(BATCH, dtype=np.int32),
    }
    statistics = Statistics(
        np.full((SIDE, SIDE, 3), 128, np.float32),
        np.eye(3, dtype=np.float32),
        np.ones(3, np.float32),
    )
    config = TrainConfig(
        name="local", data="none", steps=9, batch=BATCH, dtype="float64", pixel_scale=1 / 64,
        topology=name, mirror=False, colour_noise=0.0, random_crop=False, schedule="constant",
        layer_decays={"local3": 0.1},
    )  # fmt: skip
    place = topology(name, NET, jax.devices()[:devices])
    specs = place.batch_specs()
    placed = {
        key: jax.device_put(value, jax.NamedSharding(place.mesh, specs[key]))
        for key, value in batch.items()
    }
    state, step = init_state(NET, config, place), make_train_step(NET, config, place, 10.0)
    for _ in range(2):
        state, _ = step(state, placed, statistics)
    return jax.device_get(state.params)


@pytest.mark.parametrize(
    ("name", "devices"), [("two_towers", 2), ("data_towers", 4), ("hybrid", 2)]
)
def test_two_updates_equal_those_of_one_device(name: str, devices: int) -> None:
    with jax.enable_x64(True):
        found, wanted = trained(name, devices), trained("one_device", 1)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert_close(one, other, 1e-12)
