"""The parts of a step that are timed alone."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from helpers.reference import TOLERANCE, assert_close, draw

from alexnet_jax.bench.parts import parts
from alexnet_jax.network.forward import activations
from alexnet_jax.network.layers import Conv
from alexnet_jax.network.module import init
from alexnet_jax.network.presets import architecture


def names(preset: str) -> list[str]:
    return [part.name for part in parts(architecture(preset))]


def test_names() -> None:
    rest = ["conv3", "conv4", "conv5", "pool5", "fc6", "dropout6", "fc7", "dropout7", "fc8"]
    assert names("paper") == ["conv1", "lrn1+pool1", "conv2", "lrn2+pool2", *rest]
    assert names("caffenet")[:4] == ["conv1", "pool1+lrn1", "conv2", "pool2+lrn2"]
    assert names("owt")[:4] == ["conv1", "pool1", "conv2", "pool2"]


def test_a_convolutions_activation_is_timed_once() -> None:
    """With the layers behind it where they are one part, else with the convolution."""
    timed = {part.name: part.placed.layer for part in parts(architecture("paper"))}
    kept = {name: layer.activation for name, layer in timed.items() if isinstance(layer, Conv)}
    assert kept == {
        "conv1": "linear", "conv2": "linear", "conv3": "relu", "conv4": "relu", "conv5": "relu"
    }  # fmt: skip


@pytest.mark.parametrize("preset", ["small", "caffenet"])
def test_together_they_are_the_network(preset: str) -> None:
    """Each takes what the one before it makes, and the last makes the logits."""
    few = {f"conv{i}": {"maps": 8} for i in range(1, 6)} | {f"fc{i}": {"maps": 8} for i in (6, 7)}
    sizes = {} if preset == "small" else {"image_size": 67, "layers": few}
    net = architecture(preset, classes=5, **sizes)  # type: ignore[arg-type]
    with jax.enable_x64(True):
        params = jax.jit(partial(init, net, dtype=jnp.float64))(jax.random.key(0))
        x = jnp.asarray(draw(2, net.image_size, net.image_size, net.channels))
        wanted = activations(net, params, x)["logits"]
        for part in parts(net):
            assert x.shape[1:] == part.placed.input
            x = part.compute(params, x)
            assert x.shape[1:] == part.placed.output
    assert_close(x, wanted, TOLERANCE["float64"][0])


def test_dropout_takes_its_mask() -> None:
    part = next(part for part in parts(architecture("paper")) if part.name == "dropout6")
    mask = jnp.arange(4096) < 2048
    y = part.compute({}, jnp.ones((1, 4096)), mask.reshape(1, -1))
    assert y.sum() == 2048
