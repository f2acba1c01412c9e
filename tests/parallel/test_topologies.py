"""Every topology computes what one device computes; what cannot be spread is refused."""

import dataclasses
import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from helpers.reference import assert_close
from helpers.runs import NARROW
from helpers.spread import (
    CONFIG,
    FEW,
    LARS,
    STATISTICS,
    assert_same,
    batch,
    network,
    spread_over,
    trained,
)

from alexnet_jax.errors import InputError
from alexnet_jax.inference.evaluate import make_logits
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import list_topologies, topology
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.optim import velocity
from alexnet_jax.training.state import init_state

ODD = network(classes=9, share=4, attenuate=True)
IN_PARTS = dataclasses.replace(CONFIG, dtype="float64", accumulate=2)


def test_a_run_is_the_same_on_every_topology() -> None:
    """Three updates in float64 of a batch in two parts, with dropout, crops shared by four images,
    mirrors and noise, and classes that nothing divides: parameters, velocity, average, metrics."""
    with jax.enable_x64(True):
        one, losses = trained(spread_over("one_device", 1, ODD), ODD, IN_PARTS)
        for name, devices in FEW:
            other, seen = trained(spread_over(name, devices, ODD), ODD, IN_PARTS)
            assert_close(np.array(seen), np.array(losses), 1e-12)
            assert_same(other, one)


@functools.cache
def evaluated_parameters() -> Any:
    net = network()
    return jax.device_get(
        compiled.init_state(net, CONFIG, spread_over("one_device", 1, net)).params
    )


@functools.cache
def logits_over(name: str, devices: int, views: int) -> np.ndarray:
    place = spread_over(name, devices, network())
    logits = make_logits(network(), place, pixel_scale=1 / 128, views=views)
    return np.asarray(logits(place.place(evaluated_parameters()), batch(3)["image"], STATISTICS))


@pytest.mark.parametrize(("name", "devices"), FEW)
def test_evaluation_is_the_same(name: str, devices: int) -> None:
    """Logits of the centre crop and of ten views, in the images' order."""
    for views in (1, 10):
        other = logits_over(name, devices, views)
        assert_close(other, logits_over("one_device", 1, views), 1e-5)


@pytest.mark.parametrize(
    ("name", "devices", "net", "config"),
    [
        ("two_towers", 2, network(), CONFIG),
        ("two_towers", 2, ODD, IN_PARTS),
        ("data", 2, ODD, IN_PARTS),
        ("data_towers", 8, network(8), LARS),
        ("hybrid", 4, network(8), LARS),
    ],
)
def test_arrays_are_born_where_they_stay(
    name: str, devices: int, net: Architecture, config: TrainConfig
) -> None:
    """Parameters and velocity are those of one device, split on their last axis where the topology
    says so, from the start, and come out of a step as they went in; what does not divide is on
    every device."""
    place, classes = spread_over(name, devices, net), net.classes
    with jax.enable_x64(config.dtype == "float64"):
        state = init_state(net, config, place)
        step = compiled.make_train_step(net, config, place, 100.0)
        before = jax.tree.map(lambda leaf: leaf.sharding, state)
        home = compiled.init_state(net, config, spread_over("one_device", 1, net))
        chex.assert_trees_all_close(
            jax.device_get(state.params),
            jax.device_get(home.params),
            rtol=1e-10 if config.dtype == "float64" else 1e-5,
        )
        traced = []
        for seed in (0, 1):
            images = place.place_batch(batch(seed, classes))
            state, _ = step(state, images, place.place(STATISTICS))
            traced.append(step._cache_size())  # type: ignore[attr-defined]
    assert jax.tree.map(lambda leaf: leaf.sharding, state) == before
    assert traced[0] == traced[1]
    for tree in (state.params, state.average, velocity(state.opt_state)):
        for layer, arrays in tree.items():
            parts = {"two_towers": 2, "data_towers": 2, "data": 1}.get(name)
            if parts is None:
                parts = devices if layer.startswith("fc") else 1
            if layer == "fc8" and classes % parts:
                parts = 1
            for leaf in arrays.values():
                shapes = {shard.data.shape for shard in leaf.addressable_shards}
                assert shapes == {(*leaf.shape[:-1], leaf.shape[-1] // parts)}


def test_towers_hear_each_other_from_conv3_on() -> None:
    """Gradients with respect to tower 1's conv1 and conv2 of tower 0's maps, under two_towers:
    exactly zero up to conv2 where normalization keeps to its tower, and not zero after conv3."""
    layers = {**NARROW, "lrn1": {"within_tower": True}, "lrn2": {"within_tower": True}}
    net = architecture("small", layers=layers)
    place = spread_over("two_towers", 2, net)
    params = compiled.init_state(net, CONFIG, place).params
    images = jnp.asarray(np.random.default_rng(0).normal(size=(4, 28, 28, 1)), jnp.float32)

    def half(layer: str, params: Any) -> jax.Array:
        def local(params: Any, images: jax.Array) -> jax.Array:
            capture: dict[str, jax.Array] = {}
            forward(net, params, place.share_between_towers(images), place.towers, capture=capture)
            first = jax.lax.axis_index("tower") == 0
            return jax.lax.psum(jnp.where(first, jnp.sum(capture[layer] ** 2), 0.0), "tower")

        specs = (place.specs(params), jax.P())
        return place.shard_map(local, specs, jax.P())(params, images)

    for layer, crosses in (("conv2", False), ("conv3", True)):
        gradients = jax.jit(jax.grad(lambda params, layer=layer: half(layer, params)))(params)
        for name in ("conv1", "conv2"):
            kernel = np.asarray(gradients[name]["kernel"])
            middle = kernel.shape[-1] // 2
            assert np.any(kernel[..., :middle])
            assert np.any(kernel[..., middle:]) == crosses, (layer, name)


def refusal(name: str, devices: int, net: Architecture) -> str:
    with pytest.raises(InputError) as caught:
        spread_over(name, devices, net)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_meshes_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cure where there are too few devices, and without where some were chosen."""
    net, there = network(), jax.devices()
    assert refusal("two_towers", 1, net) == "two_towers needs 2 devices, found 1"
    assert refusal("data_towers", 3, net) == "data_towers needs an even number of devices, found 3"
    for name, count, wanted in (("two_towers", 1, 2), ("data_towers", 3, 4)):
        monkeypatch.setattr(jax, "devices", lambda count=count: there[:count])
        assert refusal(name, count, net).endswith(f"; on a CPU set JAX_NUM_CPU_DEVICES={wanted}")
    monkeypatch.undo()
    assert "fc6 has 16 units" in refusal("hybrid", 3, net)
    assert "unknown topology 'ring'; there are one_device, " in refusal("ring", 1, net)
    for preset in ("owt", "one_gpu"):
        for name in ("two_towers", "data_towers"):
            message = refusal(name, 2, architecture(preset))
            assert preset in message
            assert "two towers" in message


def test_batches_that_do_not_divide() -> None:
    place = spread_over("data_towers", 8, network())
    place.check_batch(12)
    place.check_batch(16, 2)
    refused = [
        (14, 1, "4 devices; the nearest that does is 16"),
        (3, 1, "4 devices; the nearest that does is 4"),
        (20, 2, "4 devices in 2 parts; the nearest that does is 16"),
    ]
    for size, parts, words in refused:
        with pytest.raises(InputError, match=f"a batch of {size} does not divide over {words}$"):
            place.check_batch(size, parts)


def test_names() -> None:
    assert list_topologies() == ("one_device", "two_towers", "data", "data_towers", "hybrid")


def test_groups_of_the_first_convolution_are_refused() -> None:
    """Each tower would take all channels of the image for its half."""
    layers: Any = {**NARROW, "conv1": {"groups": 2, "maps": 4}}
    net = architecture("small", channels=2, layers=layers)
    for name, devices in (("two_towers", 2), ("data_towers", 4)):
        with pytest.raises(InputError, match=f"{name} gives whole images .* conv1 of small .* 2 g"):
            topology(name, net, jax.devices()[:devices])
    topology("data", net, jax.devices()[:2])
