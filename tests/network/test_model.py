"""The network against its NumPy counterpart, and the properties that make it two towers."""

import functools
from functools import partial
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.masks import drawn_masks
from helpers.random_params import random_params
from helpers.reference import assert_close, cross_entropy_vjp, draw
from helpers.reference_net import alexnet
from jax import lax

import alexnet_jax
from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture

NARROW: dict[str, dict[str, object]] = {
    "conv1": {"maps": 8},
    "conv2": {"maps": 12},
    "conv3": {"maps": 8},
    "conv4": {"maps": 12},
    "conv5": {"maps": 8},
    "fc6": {"maps": 10},
    "fc7": {"maps": 6},
    "lrn1": {"alpha": 1e-4},
}
BATCH = 3
# How presets differ from `paper`: stride of conv1, share of units that dropout keeps.
DIFFERENCES: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {"stride": 1},
    "tiny": {"stride": 2, "keep": 0.75},
}


def narrow(preset: str = "paper", **changes: Any) -> Architecture:
    """A preset with few maps, at about the smallest size that its layers can take."""
    size = {"paper": 67, "small": 23, "tiny": 37}[preset]
    # Initial values by fan-in, so that no layer's signal drowns in the biases.
    layers = {name: dict(values) for name, values in NARROW.items()}
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        layers.setdefault(name, {})["std"] = 0.3
    return alexnet_jax.architecture(preset, image_size=size, classes=5, layers=layers, **changes)


@functools.cache
def make(architecture: Architecture, dtype: Any) -> tuple[Any, jax.Array]:
    params = random_params(architecture, dtype)
    side = architecture.image_size
    images = jnp.asarray(10 * draw(BATCH, side, side, architecture.channels), dtype)
    return params, images


@pytest.mark.parametrize("preset", ["paper", "small", "tiny"])
def test_activations_match_numpy(preset: str) -> None:
    """Every named layer, in float64 and in float32."""
    architecture = narrow(preset)
    with jax.enable_x64(True):
        params, images = make(architecture, jnp.float64)
        found = jax.jit(lambda p, x: alexnet_jax.activations(architecture, p, x))(params, images)
        single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (params, images))
        rough = jax.jit(lambda p, x: alexnet_jax.activations(architecture, p, x))(*single)
    wanted = alexnet(params, images, **DIFFERENCES[preset]).activations
    assert set(found) == set(rough) == {*wanted} - {"fc8"}
    for name in found:
        assert_close(found[name], wanted[name], 1e-12)
        assert_close(rough[name], wanted[name], 1e-5)


@pytest.mark.parametrize("preset", ["paper", "small", "tiny"])
def test_gradients_match_numpy(preset: str) -> None:
    """Every parameter and the images, in training with dropout masks and in testing."""
    architecture = narrow(preset)
    labels = np.array([0, 4, 2], np.int32)
    keys = jax.random.split(jax.random.key(5), BATCH)

    def loss(params: Any, images: jax.Array, keys: Any) -> jax.Array:
        logits = alexnet_jax.forward(architecture, params, images, keys=keys)
        return jnp.sum(ops.cross_entropy(logits, labels))

    with jax.enable_x64(True):
        params, images = make(architecture, jnp.float64)
    for training in (False, True):
        with jax.enable_x64(True):
            (grads, dimages) = jax.jit(jax.grad(loss, (0, 1)))(
                params, images, keys if training else None
            )
            masks = drawn_masks(architecture, params, images, keys) if training else None
        net = alexnet(params, images, masks=masks, **DIFFERENCES[preset])
        logits = net.activations["logits"]
        wanted = net.backward(cross_entropy_vjp(logits, labels, np.ones(BATCH))[0])
        assert_close(dimages, wanted, 1e-11)
        for name, leaves in net.gradients.items():
            for leaf, value in leaves.items():
                assert_close(grads[name][leaf], value, 1e-11)


def test_dropout_is_drawn_per_example_and_layer() -> None:
    """Masks depend on an example's own key alone, keep half, and differ between the layers."""
    architecture = alexnet_jax.architecture("small")
    params = random_params(architecture)
    images = jnp.zeros((64, 28, 28, 1))
    keys = jax.random.split(jax.random.key(2), 64)
    masks = drawn_masks(architecture, params, images, keys)
    again = drawn_masks(architecture, params, images[:4], keys[8:12])
    np.testing.assert_array_equal(masks[0][8:12], again[0])
    assert not np.array_equal(masks[0], masks[1])
    for mask in masks:
        # 64 * 256 fair draws: four standard deviations are 1.6 %.
        assert abs(mask.mean() - 0.5) < 0.016


def test_conv2_reads_its_own_tower_and_conv3_both() -> None:
    """Tower 0's half of conv2 has no gradient at all with respect to tower 1's conv1 kernels
    (with LRN kept within a map, which otherwise reaches over the seam); its half of conv3 has."""
    layers = {**NARROW, "lrn1": {"n": 1}, "lrn2": {"n": 1}}
    architecture = alexnet_jax.architecture("paper", image_size=67, classes=5, layers=layers)
    params, images = make(architecture, jnp.float32)

    def half(layer: str, kernel: jax.Array) -> jax.Array:
        changed = {**params, "conv1": {**params["conv1"], "kernel": kernel}}
        maps = alexnet_jax.activations(architecture, changed, images)[layer]
        return jnp.sum(jnp.square(maps[..., : maps.shape[-1] // 2]))

    for layer, crosses in (("conv2", False), ("conv3", True)):
        gradient = jax.jit(jax.grad(partial(half, layer)))(params["conv1"]["kernel"])
        assert np.any(gradient[..., :4])
        assert np.any(gradient[..., 4:]) == crosses


class _Crossing:
    """The words of `Towers` over a mesh axis of two devices."""

    def __init__(self) -> None:
        self.gathered: list[str] = []

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        self.gathered.append(name)
        return lax.all_gather(x, "tower", axis=-1, tiled=True)

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        if width == 0:
            return x
        left = lax.ppermute(x[..., -width:], "tower", [(0, 1)])
        right = lax.ppermute(x[..., :width], "tower", [(1, 0)])
        return jnp.concatenate([left, x, right], -1)

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return lax.slice_in_dim(x, width, x.shape[-1] - width, axis=-1)

    def part(self, drawn: jax.Array, held: tuple[int, ...]) -> jax.Array:
        start = lax.axis_index("tower") * held[-1]
        return lax.dynamic_slice_in_dim(drawn, start, held[-1], -1)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_towers_on_two_devices_agree_with_one(n: int) -> None:
    """The same forward function on a device a tower, given only gather, halo, trim and part."""
    layers = {**NARROW, "lrn1": {"n": n}, "lrn2": {"n": n}}
    architecture = alexnet_jax.architecture("paper", image_size=67, classes=6, layers=layers)
    params, images = make(architecture, jnp.float32)
    keys = jax.random.split(jax.random.key(3), BATCH)
    crossing = _Crossing()
    mesh = jax.make_mesh((2,), ("tower",))
    places = jax.tree.map(lambda leaf: jax.P(*(None,) * (leaf.ndim - 1), "tower"), params)

    @jax.jit
    @jax.shard_map(
        mesh=mesh, in_specs=(places, jax.P(), jax.P()), out_specs=jax.P(), check_vma=False
    )
    def split(params: Any, images: jax.Array, keys: jax.Array) -> jax.Array:
        return alexnet_jax.forward(architecture, params, images, crossing, keys=keys)

    placed = jax.device_put(params, jax.tree.map(lambda p: jax.NamedSharding(mesh, p), places))
    whole = jax.jit(partial(alexnet_jax.forward, architecture))(params, images, keys=keys)
    assert_close(split(placed, images, keys), whole, 1e-5)
    assert crossing.gathered == ["conv3", "fc6", "fc7", "fc8", "logits"]


def test_linen_shell() -> None:
    """Canonical names and shapes, the functional init's values, and forward's logits."""
    net = alexnet_jax.AlexNet(alexnet_jax.architecture("small"))
    images = jnp.asarray(draw(2, 28, 28, 1), jnp.float32)
    key = jax.random.key(7)
    variables = jax.jit(net.init)(key, images)
    params = jax.jit(lambda key: alexnet_jax.init(net.architecture, key))(key)
    chex.assert_trees_all_equal(variables, {"params": params})
    assert params["conv2"]["kernel"].shape == (5, 5, 16, 64)
    wanted = jax.jit(partial(alexnet_jax.forward, net.architecture))(params, images)
    np.testing.assert_array_equal(jax.jit(net.apply)(variables, images), wanted)
    train = jax.jit(partial(net.apply, train=True))
    once = train(variables, images, rngs={"dropout": key})
    again = train(variables, images, rngs={"dropout": key})
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, wanted)
    with pytest.raises(Exception, match="conv1"):
        net.apply({"params": {**params, "conv1": params["conv2"]}}, images)


def test_initial_values() -> None:
    """N(0, .01^2) and the paper's ones in the biases; by fan-in where the table says so."""
    architecture = alexnet_jax.architecture()
    shapes = jax.eval_shape(lambda key: alexnet_jax.init(architecture, key), jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 60_965_224
    cut = {name: {"maps": 64} for name in ("fc6", "fc7")}
    architecture = alexnet_jax.architecture(layers=cut, classes=50)
    params = jax.jit(lambda key: alexnet_jax.init(architecture, key))(jax.random.key(0))
    for name, layer in params.items():
        kernel = np.asarray(layer["kernel"], np.float64)
        error = 5 * 0.01 / np.sqrt(2 * kernel.size)
        assert abs(kernel.std() - 0.01) < error, name
        assert abs(kernel.mean()) < 5 * 0.01 / np.sqrt(kernel.size), name
        one = name in ("conv2", "conv4", "conv5", "fc6", "fc7")
        np.testing.assert_array_equal(layer["bias"], np.full(kernel.shape[-1], float(one)))
    params = jax.jit(lambda key: alexnet_jax.init(alexnet_jax.architecture("small"), key))(
        jax.random.key(0)
    )
    kernel = np.asarray(params["fc6"]["kernel"])
    assert abs(kernel.std() / np.sqrt(2 / 256) - 1) < 0.02


@pytest.mark.slow
@pytest.mark.optimized
def test_full_size_network_matches_numpy() -> None:
    """The paper's network at 227x227: all activations of an image in float32."""
    architecture = alexnet_jax.architecture()
    params = random_params(architecture)
    images = jnp.asarray(60 * draw(1, 227, 227, 3), jnp.float32)
    found = jax.jit(lambda p, x: alexnet_jax.activations(architecture, p, x))(params, images)
    wanted = alexnet(params, images).activations
    for name, value in found.items():
        assert_close(value, wanted[name], 3e-5)
