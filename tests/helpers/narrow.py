"""Narrow networks, every preset and one with every kind of layer, and arguments for them."""

import functools
from typing import Any

import jax
import numpy as np

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import (
    LRN,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Local,
    MapNorm,
    MaxPool,
    Weighted,
)
from alexnet_jax.network.module import init
from alexnet_jax.network.presets import architecture
from helpers.reference import assert_close, draw

# About the smallest that the layers can take; source2012 then has an overhang, as at 224.
SIZES = {
    "paper": 67, "source2012": 64, "caffe_alexnet": 67, "caffenet": 67, "one_gpu": 67, "owt": 63,
    "small": 23, "tiny": 37, "cifar_80sec": 12, "cifar_19pct": 12, "cifar_18pct": 13,
    "cifar_13pct": 7, "cifar_11pct": 6,
}  # fmt: skip
MAPS = {"conv1": 8, "conv2": 12, "conv3": 8, "conv4": 12, "conv5": 8, "fc6": 10, "fc7": 6}


# Settings of a run for views as they are stored, which have less to compile.
PLAIN_VIEWS = {"random_crop": False, "mirror": False, "colour_noise": 0.0}


def narrow(preset: str) -> Architecture:
    """The preset with few maps; layers that only it has get six."""
    net = architecture(preset)
    layers: dict[str, dict[str, object]] = {
        layer.name: {"maps": MAPS.get(layer.name, 6), "std": 0.3}
        for layer in net.layers
        if isinstance(layer, Weighted)
    }
    layers[net.layers[-1].name] = {"std": 0.3}
    return architecture(preset, image_size=SIZES[preset], classes=4, layers=layers)


def every_kind() -> Architecture:
    """Two towers of two convolutions; every kind of layer, with every option that steps heed."""
    layers = (
        Conv("conv1", 4, kernel=3, stride=2, activation="linear", std=0.5, overhang=True),
        LRN("lrn1", n=3, k=1.0, alpha=0.1),
        MaxPool("pool1", overhang=True, activation="relu"),
        Conv("conv2", 4, kernel=3, padding=1, groups=2, std=0.5),
        LRN("lrn2", n=2, k=1.0, alpha=0.1, within_tower=True),
        MapNorm("mapnorm2", size=3, alpha=0.1),
        MaxPool("pool2", size=2, stride=1),
        Local("local3", 4, kernel=2, padding=1, std=0.5),
        AveragePool("pool3", size=2, overhang=True),
        Dropout("dropout3", inverted=True),
        Dense("fc3", 8, activation="tanh", std=0.3),
        Dropout("dropout4"),
        Dense("fc4", 4, activation="linear", std=0.3),
    )
    return Architecture("every", image_size=12, channels=1, classes=4, layers=layers)


def tiny() -> Architecture:
    """One layer of each kind that has a hand-written backward pass, and dropout."""
    layers = (
        Conv("conv1", 4, kernel=3, std=0.5),
        LRN("lrn1", n=3, k=1.0, alpha=0.1),
        MaxPool("pool1"),
        Dropout("dropout2"),
        Dense("fc2", 4, activation="linear", std=0.3),
    )
    return Architecture("tiny", image_size=7, channels=1, classes=4, layers=layers)


def abstract(net: Architecture, batch: int) -> Any:
    """The shapes of parameters and images, float32."""
    params = jax.eval_shape(lambda key: init(net, key), jax.random.key(0))
    images = (batch, net.image_size, net.image_size, net.channels)
    return params, jax.ShapeDtypeStruct(images, "float32")


@functools.cache
def drawn(net: Architecture, batch: int, seed: int) -> Any:
    """Parameters and images in float64, of about the size that keeps every layer at work."""
    leaves, structure = jax.tree.flatten(abstract(net, batch))
    values = [draw(*leaf.shape, seed=seed + i) for i, leaf in enumerate(leaves)]
    params, images = jax.tree.unflatten(structure, values)
    scaled = {
        name: {"kernel": w["kernel"] / np.sqrt(w["kernel"][..., 0].size), "bias": w["bias"]}
        for name, w in params.items()
    }
    return scaled, 10 * images


def assert_trees_close(got: Any, want: Any, tolerance: float) -> None:
    """`assert_close` of each leaf."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert_close(a, b, tolerance)


def short(classes: int = 10) -> Architecture:
    """All that crosses between devices: halos, maps and units that are gathered, and logits."""
    return Architecture(
        name="short",
        image_size=12,
        channels=1,
        classes=classes,
        layers=(
            Conv("conv1", 8, kernel=3),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 12, kernel=3, padding=1, groups=2),
            Conv("conv3", 16, kernel=3, padding=1),
            Dense("fc4", 24),
            Dropout("dropout4"),
            Dense("fc5", 16),
            Dense("fc6", classes, activation="linear"),
        ),
    )
