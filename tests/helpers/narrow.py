"""Narrow networks: every preset, and one with every kind of layer."""

from dataclasses import replace

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import LRN, Conv, Dense, Dropout, MapNorm, MaxPool
from alexnet_jax.network.presets import architecture

# About the smallest that the layers can take; source2012 then has an overhang, as at 224.
SIZES = {
    "paper": 67, "source2012": 64, "caffe_alexnet": 67, "caffenet": 67, "one_gpu": 67, "owt": 63,
    "small": 23,
}  # fmt: skip
MAPS = {"conv1": 8, "conv2": 12, "conv3": 8, "conv4": 12, "conv5": 8, "fc6": 10, "fc7": 6}


def narrow(preset: str) -> Architecture:
    layers: dict[str, dict[str, object]] = {
        name: {"maps": maps, "std": 0.3} for name, maps in MAPS.items()
    }
    layers["fc8"] = {"std": 0.3}
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
        Dropout("dropout3", inverted=True),
        Dense("fc3", 6, activation="tanh", std=0.3),
        Dropout("dropout4"),
        Dense("fc4", 4, activation="linear", std=0.3),
    )
    return replace(architecture("small"), name="every", image_size=12, classes=4, layers=layers)
