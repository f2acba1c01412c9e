"""Frozen layers and rates by layer: updates, topologies, and what is not computed."""

import dataclasses
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from helpers import compiled, reference
from helpers.reference import assert_close
from helpers.runs import (
    CONFIG,
    CONVOLUTIONS,
    NARROW,
    STATISTICS,
    make_batch,
    numpy_gradients,
)
from helpers.spread import CONFIG as SPREAD
from helpers.spread import assert_same, network, spread_over, trained

from alexnet_jax.data.augment import Statistics
from alexnet_jax.network.forward import forward
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.training.optim import velocity
from alexnet_jax.training.state import abstract_state, init_state
from alexnet_jax.training.step import make_train_step

# One frozen layer at the bottom and one between layers that are trained.
PARTLY: dict[str, Any] = {"freeze": ("conv1", "conv3"), "layer_rates": {"fc8": 10.0, "conv2": 0.25}}


def test_updates_match_numpy() -> None:
    """Two updates in float64: the paper's lines with each layer's own rate in both terms; frozen
    layers keep every bit, and have no velocity."""
    with jax.enable_x64(True):
        config = dataclasses.replace(CONFIG, dtype="float64", weight_decay=0.1, **PARTLY)
        net = architecture("small", layers=NARROW)
        place = topology("one_device", net)
        state = init_state(net, config, place)
        # A zero that adding zero would change.
        kernel = state.params["conv3"]["kernel"].at[0, 0, 0, 0].set(-0.0)
        state.params["conv3"]["kernel"] = kernel
        step = make_train_step(net, config, place, steps_per_epoch=100.0)
        first = jax.device_get(state.params)
        weights = jax.tree.map(reference.float64, state.params)
        speed = jax.tree.map(np.zeros_like, weights)
        for count in range(2):
            batch = make_batch(count)
            grads, _ = numpy_gradients(net, state.params, state.key, count, batch)
            state, _ = step(state, batch, STATISTICS)
            for layer in set(weights) - set(config.freeze):
                rate = float(np.float32(0.05)) * config.layer_rates.get(layer, 1.0)
                for name, w in weights[layer].items():
                    speed[layer][name] = (
                        0.9 * speed[layer][name] - 0.1 * rate * w - rate * grads[layer][name]
                    )
                    weights[layer][name] = w + speed[layer][name]
        moving = velocity(state.opt_state)
        assert set(moving) == set(weights) - {"conv1", "conv3"}
        for layer, leaves in moving.items():
            for name, found in leaves.items():
                assert_close(found, speed[layer][name], 1e-9)
                assert_close(state.params[layer][name], weights[layer][name], 1e-11)
        for layer in ("conv1", "conv3"):
            for name, leaf in first[layer].items():
                assert np.asarray(state.params[layer][name]).tobytes() == leaf.tobytes()


def test_the_same_on_every_topology() -> None:
    """Updates in float64 with parts of a batch and averaged weights, too."""
    with jax.enable_x64(True):
        net = network(classes=9)
        config = dataclasses.replace(SPREAD, dtype="float64", accumulate=2, steps=2, **PARTLY)
        one, losses = trained(spread_over("one_device", 1, net), net, config)
        before = compiled.init_state(net, config, spread_over("one_device", 1, net))
        for name, devices in (("two_towers", 2), ("hybrid", 4)):
            other, seen = trained(spread_over(name, devices, net), net, config)
            assert_close(np.array(seen), np.array(losses), 1e-12)
            assert_same(other, one)
            for tree in (other.params, other.average):
                for layer in ("conv1", "conv3"):
                    chex.assert_trees_all_equal(
                        jax.device_get(tree[layer]), jax.device_get(before.params[layer])
                    )
        gap = np.abs(one.params["fc8"]["kernel"] - before.params["fc8"]["kernel"]).max()
        assert float(gap) > 0


def test_nothing_is_computed_backwards_below_what_is_trained() -> None:
    net = architecture("small", layers=NARROW)
    place = topology("one_device", net)

    def convolutions(**options: Any) -> int:
        config = dataclasses.replace(CONFIG, **options)
        state = abstract_state(net, config, place)
        step = make_train_step(net, config, place, 100.0)
        lowered = step.lower(state, make_batch(0), Statistics.abstract(32, 1))  # type: ignore[attr-defined]
        return int(lowered.as_text().count("stablehlo.convolution"))

    params = abstract_state(net, CONFIG, place).params
    images = jax.ShapeDtypeStruct((8, 28, 28, 1), jnp.float32)
    network = jax.jit(lambda params, images: forward(net, params, images))
    once = network.lower(params, images).as_text().count("stablehlo.convolution")
    assert once > 0
    assert convolutions(freeze=CONVOLUTIONS) == once
    assert once < convolutions(freeze=CONVOLUTIONS[:3]) < convolutions()
