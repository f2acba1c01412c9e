"""The network in programs that have their own mesh: same numbers, and the work divided."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import chex
import jax
import numpy as np
import pytest
from helpers.narrow import SIZES
from helpers.random_params import random_params
from jax.sharding import AxisType, NamedSharding

import alexnet_jax
from alexnet_jax.network.architecture import Architecture

P = jax.P
BATCH = 20
MAPS = {
    "conv1": 8, "conv2": 16, "conv3": 8, "conv4": 16, "conv5": 8, "local3": 8, "local4": 16,
    "fc4": 12, "fc6": 16, "fc7": 12,
}  # fmt: skip
MESHES = {
    "nothing": ((2,), ("tower",), P(), None),
    "images": ((4,), ("batch",), P("batch"), None),
    "maps": ((2,), ("tower",), P(), "tower"),
    "images and maps": ((2, 2), ("batch", "tower"), P("batch"), "tower"),
}


@cache
def narrow(preset: str) -> Architecture:
    *hidden, _ = [p.layer.name for p in alexnet_jax.architecture(preset).placed() if p.kernel]
    return alexnet_jax.architecture(
        preset,
        image_size=28 if preset == "small" else SIZES[preset],
        channels=3,
        classes=6,
        layers={name: {"maps": MAPS[name], "std": 0.3} for name in hidden},
    )


def differentiated(net: Architecture) -> Callable[..., Any]:
    """(params, images) -> the logits, and the gradients of the sum of their squares."""

    def loss(params: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = alexnet_jax.forward(net, params, images)
        return (logits**2).sum(), logits

    return jax.jit(lambda params, images: jax.grad(loss, (0, 1), has_aux=True)(params, images))


@cache
def on_one_device(preset: str) -> tuple[Any, jax.Array, Any]:
    """Parameters and images in float64, and what is computed from them."""
    net = narrow(preset)
    with jax.enable_x64(True):
        params = random_params(net, np.float64)
        images = np.random.default_rng(2).standard_normal(
            (BATCH, net.image_size, net.image_size, net.channels)
        )
        return params, images, jax.device_get(differentiated(net)(params, images))


@cache
def compiled_on_mesh(preset: str, division: str, kind: AxisType) -> tuple[Any, Any]:
    """The program of each device, and its arguments."""
    shape, names, image_spec, last_axis = MESHES[division]
    mesh = jax.make_mesh(shape, names, axis_types=(kind,) * len(shape))

    def place(x: Any) -> jax.Array:
        divides = last_axis is not None and x.shape[-1] % mesh.shape[last_axis] == 0
        spec = P(*(None,) * (x.ndim - 1), last_axis) if divides else P()
        return jax.device_put(x, NamedSharding(mesh, spec))

    params, images, _ = on_one_device(preset)
    placed = jax.tree.map(place, params), jax.device_put(images, NamedSharding(mesh, image_spec))
    return differentiated(narrow(preset)).lower(*placed).compile(), placed


def check_result(preset: str, compiled: Any, placed: Any) -> None:
    chex.assert_trees_all_close(
        jax.device_get(compiled(*placed)), on_one_device(preset)[2], rtol=1e-9, atol=1e-9
    )


def others_exhaustive(*quick: str) -> list[Any]:
    """The presets, all but some marked exhaustive."""
    return [
        preset if preset in quick else pytest.param(preset, marks=pytest.mark.exhaustive)
        for preset in alexnet_jax.list_presets()
    ]


def check_images_divided(preset: str, kind: AxisType) -> None:
    with jax.enable_x64(True):
        compiled, placed = compiled_on_mesh(preset, "images", kind)
        check_result(preset, compiled, placed)
    text = compiled.as_text()
    assert f"[{BATCH // 4}," in text
    assert not re.search(rf"\[{BATCH}[,\]]", text)
    assert not re.search("all-gather|all-to-all|collective-permute", text)


@pytest.mark.parametrize("preset", others_exhaustive("paper", "source2012", "small", "cifar_11pct"))
def test_images_on_explicit_axes(preset: str) -> None:
    """Logits and gradients are those of one device. Each device computes its quarter of the images:
    no array of all images is in the program, and only gradients cross."""
    check_images_divided(preset, AxisType.Explicit)


@pytest.mark.parametrize("preset", others_exhaustive("paper"))
def test_images_on_automatic_axes(preset: str) -> None:
    """The same where the compiler divides the work."""
    check_images_divided(preset, AxisType.Auto)


@pytest.mark.parametrize(
    "division", [pytest.param("maps", marks=pytest.mark.exhaustive), "images and maps"]
)
@pytest.mark.parametrize("kind", [AxisType.Explicit, AxisType.Auto])
@pytest.mark.parametrize("preset", others_exhaustive("paper"))
def test_parameters_divided_on_their_last_axis(preset: str, kind: AxisType, division: str) -> None:
    """The towers' rule on a mesh of one's own, alone and with images divided, too: each device
    has its share of the operations that a device has if nothing is divided."""
    with jax.enable_x64(True):
        compiled, placed = compiled_on_mesh(preset, division, kind)
        check_result(preset, compiled, placed)
        undivided, _ = compiled_on_mesh(preset, "nothing", AxisType.Auto)
    share = compiled.cost_analysis()["flops"] / undivided.cost_analysis()["flops"]
    assert share == pytest.approx(1 / np.prod(MESHES[division][0]), rel=0.1)


def test_the_module_in_training_and_its_activations() -> None:
    """Dropout draws the masks of one device, and captured maps are whole, on explicit axes."""
    net = narrow("small")
    module = alexnet_jax.AlexNet(net)
    mesh = jax.make_mesh((4,), ("batch",), axis_types=(AxisType.Explicit,))

    @jax.jit
    def computed(params: Any, images: jax.Array) -> Any:
        rngs = {"dropout": jax.random.key(3)}
        logits = module.apply({"params": params}, images, train=True, rngs=rngs)
        return logits, alexnet_jax.activations(net, params, images, ("conv1", "fc6"))

    with jax.enable_x64(True):
        params, images, _ = on_one_device("small")
        placed = jax.device_put((params, images), NamedSharding(mesh, P()))
        sharded = jax.device_put(images, NamedSharding(mesh, P("batch")))
        logits, maps = computed(placed[0], sharded)
        assert maps["conv1"].sharding.spec[0] == "batch"
        chex.assert_trees_all_close(
            jax.device_get((logits, maps)), jax.device_get(computed(params, images)), rtol=1e-9
        )
