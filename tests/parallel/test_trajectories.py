"""Whole trajectories on every topology: the same in float64, gradients the same in float32."""

import dataclasses
import runpy
from typing import Any

import jax
import numpy as np
import pytest
from helpers.reference import assert_close
from helpers.scripts import EXPERIMENTS
from helpers.spread import FEW, assert_same, spread_over

from alexnet_jax import data
from alexnet_jax.data.augment import Statistics
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.statistics import pixel_statistics
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import Topology
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.state import TrainState, init_state
from alexnet_jax.training.step import make_gradients, make_train_step

# Of the digits as they are trained, with all that is drawn: dropout, crops, mirrors, noise.
DIGITS: TrainConfig = dataclasses.replace(
    runpy.run_path(str(EXPERIMENTS / "configs" / "digits.py"))["CONFIG"],
    batch=32, mirror=True, colour_noise=0.1, ema=0.9,
)  # fmt: skip


def batches(config: TrainConfig) -> Batches:
    return Batches(data.load("digits").train, config.batch, config.seed)


def digits_statistics() -> Statistics:
    return Statistics(*pixel_statistics(data.load("digits").train))


def run(
    place: Topology, net: Architecture, config: TrainConfig, stream: Any, statistics: Statistics
) -> tuple[TrainState, np.ndarray]:
    """The state after `config.steps` updates, and the loss of each."""
    state, step = init_state(net, config, place), make_train_step(net, config, place, 44.9)
    placed, losses = place.place(statistics), []
    for _ in range(config.steps):
        state, metrics = step(state, place.place_batch(next(stream)), placed)
        losses.append(metrics["loss"])
    return state, np.array(jax.device_get(losses))


@pytest.mark.exhaustive
def test_fifty_steps_of_digits_in_float64() -> None:
    """Losses, parameters, velocity and average on 2, 4 and 8 devices as on one, to 1e-10."""
    with jax.enable_x64(True):
        config = dataclasses.replace(DIGITS, dtype="float64", steps=50)
        net = architecture("small", image_size=28, channels=1, classes=10)

        def ran(name: str, devices: int) -> tuple[TrainState, np.ndarray]:
            place = spread_over(name, devices, net)
            return run(place, net, config, batches(config), digits_statistics())

        one, losses = ran("one_device", 1)
        assert losses[-5:].mean() < losses[:5].mean() - 0.1
        for name, devices in FEW:
            other, seen = ran(name, devices)
            assert_close(seen, losses, 1e-10)
            assert_same(other, one)


@pytest.mark.exhaustive
def test_two_steps_of_the_full_size_network_in_float64() -> None:
    """The paper's network at 227 pixels and 1,000 classes: losses and all parameters, to 1e-10."""
    random = np.random.default_rng(0)
    drawn = [
        {
            "image": random.integers(0, 256, (4, 256, 256, 3)).astype(np.uint8),
            "label": random.integers(0, 1000, 4).astype(np.int32),
            "index": np.arange(4, dtype=np.int32),
        }
        for _ in range(2)
    ]
    statistics = Statistics(
        np.full((256, 256, 3), 120, np.float32), np.eye(3, dtype=np.float32),
        np.full(3, 40, np.float32),
    )  # fmt: skip
    with jax.enable_x64(True):
        net = architecture("paper")
        config = TrainConfig(name="paper", data="", steps=2, batch=4, dtype="float64")
        one, losses = run(spread_over("one_device", 1, net), net, config, iter(drawn), statistics)
        one = jax.device_get(one.params)
        for name, devices in (("two_towers", 2), ("data", 2), ("data_towers", 4), ("hybrid", 2)):
            place = spread_over(name, devices, net)
            other, seen = run(place, net, config, iter(drawn), statistics)
            assert_close(seen, losses, 1e-10)
            for layer, arrays in jax.device_get(other.params).items():
                for leaf, value in arrays.items():
                    assert_close(value, one[layer][leaf], 1e-10)
            del other


@pytest.mark.exhaustive
def test_gradients_of_the_same_state_in_float32() -> None:
    """At steps 0, 10 and 30 of a run: the loss and every gradient, relative norm, to 1e-5.

    Trajectories may part in float32: max pooling and ReLU flip.
    """
    net = architecture("small", image_size=28, channels=1, classes=10)
    home, stream, statistics = (
        spread_over("one_device", 1, net),
        batches(DIGITS),
        digits_statistics(),
    )
    state, step = init_state(net, DIGITS, home), make_train_step(net, DIGITS, home, 44.9)
    places = [home, *(spread_over(*spread, net) for spread in FEW)]
    gradients = [jax.jit(make_gradients(net, DIGITS, place)) for place in places]
    for number in range(31):
        batch = next(stream)
        if number in (0, 10, 30):
            found = [
                jax.device_get(
                    function(place.place(state), place.place_batch(batch), place.place(statistics))
                )
                for function, place in zip(gradients, places, strict=True)
            ]
            want, metrics = found[0]
            for other, seen in found[1:]:
                assert seen["loss"] == pytest.approx(metrics["loss"], rel=1e-5)
                for layer, arrays in want.items():
                    for leaf, value in arrays.items():
                        error = np.linalg.norm(other[layer][leaf] - value)
                        assert error <= 1e-5 * np.linalg.norm(value), (number, layer, leaf)
        state, _ = step(state, home.place_batch(batch), home.place(statistics))
