"""Sizes of images: the smallest, large ones, and those that are not square."""

import json
import math
import pickle
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import alexnet_jax
from alexnet_jax import Architecture, InputError, architecture, list_presets
from alexnet_jax.network.layers import Conv, Dense, MaxPool
from alexnet_jax.network.shapes import place, smallest_side

SMALLEST = {
    "paper": 67, "source2012": 64, "caffe_alexnet": 67, "caffenet": 67, "one_gpu": 67, "owt": 63,
    "small": 19, "tiny": 37, "cifar_80sec": 12, "cifar_19pct": 12, "cifar_18pct": 12,
    "cifar_13pct": 6, "cifar_11pct": 6,
}  # fmt: skip


def fits(layers: Any, side: int) -> bool:
    try:
        list(place(layers, (side, side, 3)))
    except InputError:
        return False
    return True


@pytest.mark.parametrize("preset", list_presets())
def test_from_the_smallest_images_to_1024(preset: str) -> None:
    """All sizes from the smallest on; one less is refused with the smallest, in either axis."""
    layers, least = architecture(preset).layers, SMALLEST[preset]
    sides = [side for side in range(1, 200) if fits(layers, side)]
    assert sides == list(range(least, 200))
    assert smallest_side(layers) == least
    for size in (least - 1, (least - 1, 300), (300, least - 1)):
        with pytest.raises(InputError, match=rf"at least {least}x{least} are needed: pool\d takes"):
            architecture(preset, image_size=size)
    for size in (least, (least, 1024), (333, least), 1024):
        net = architecture(preset, image_size=size)
        maps = [placed for placed in net.placed() if len(placed.output) == 3]
        assert min(maps[-1].output) >= 1
        params = jax.eval_shape(partial(alexnet_jax.init, net), jax.random.key(0))
        dense = next(placed for placed in net.placed() if isinstance(placed.layer, Dense))
        assert params[dense.layer.name]["kernel"].shape == (
            math.prod(maps[-1].output), *dense.output,
        )  # fmt: skip
    images = jax.ShapeDtypeStruct((2, 1024, 1024, net.channels), jnp.float32)
    assert jax.eval_shape(partial(alexnet_jax.forward, net), params, images).shape == (
        2, net.classes,
    )  # fmt: skip


@pytest.mark.parametrize(
    "layers",
    [
        (MaxPool("a", size=2, stride=3), Conv("b", 4, kernel=3, padding=2)),
        (Conv("a", 4, kernel=1, padding=3), MaxPool("b", size=5, stride=4)),
        (MaxPool("a", size=3, stride=3, overhang=True), MaxPool("b", size=3, overhang=True)),
        (Conv("a", 4, kernel=4, stride=3, padding=1, overhang=True), MaxPool("b")),
        (Conv("a", 4, kernel=3, padding=3), Conv("b", 4, kernel=5, padding=1)),
        (Dense("a", 4), Dense("b", 4)),
    ],
)
def test_the_smallest_side_of_any_table(layers: Any) -> None:
    """By trying all sides; every larger one fits, too."""
    sides = [side for side in range(1, 60) if fits(layers, side)]
    assert sides == list(range(smallest_side(layers), 60))


def test_images_that_are_not_square() -> None:
    """(height, width), in shapes, text, JSON and pickle; equal sides are one number."""
    net = architecture("paper", image_size=(227, 323))
    assert net.input_shape == (227, 323, 3)
    assert net.longer_side == 323
    assert net.outputs()["conv1"] == (55, 79, 96)
    assert net.outputs()["pool5"] == (6, 9, 256)
    assert "images 227 x 323 x 3, 1000 classes" in alexnet_jax.summary(net)
    assert Architecture.from_json(json.loads(json.dumps(net.to_json()))) == net
    assert pickle.loads(pickle.dumps(net)) == net
    assert architecture("paper", image_size=(227, 227)) == architecture("paper")
    for shape, message in (((2, 323, 227, 3), r"\[B, 227, 323, 3\].*got \(2, 323, 227, 3\)"),):
        with pytest.raises(ValueError, match=message):
            alexnet_jax.forward(net, {}, jax.ShapeDtypeStruct(shape, jnp.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(227,), (227, 227, 3), (227, 0), (227.0, 227), "227", (True, 4)])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(InputError, match="image_size must be whole numbers > 0"):
        architecture("paper", image_size=size)
