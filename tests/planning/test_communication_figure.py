"""The drawing of a network and of what crosses in it."""

from collections import Counter

import jax
import pytest

from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.communication import Crossing, layer_parts
from alexnet_jax.planning.communication_figure import network_picture


def test_picture() -> None:
    """Every layer stands on both devices in its own share, every crossing once with its bytes."""
    net = architecture("paper")
    place = topology("two_towers", net, jax.devices()[:2])
    sent = [
        Crossing("conv3", "forward", "all-gather", "f32", 21632, 128 * 173_056, 1),
        Crossing("lrn1", "forward", "collective-permute", "f32", 6050, 128 * 24_200, 0.5),
        Crossing("lrn1", "forward", "collective-permute", "f32", 6050, 128 * 24_200, 0.5),
        Crossing("fc6", "gradient", "all-reduce", "f32", 1, 128 * 7_078_656, 1),
    ]
    parts = layer_parts(place, net)
    figure = network_picture(net, parts, sent, 128, ("left", "right"), "title")
    words = Counter(text.get_text() for axes in figure.axes for text in axes.texts)
    for label in ("all-gather  173 kB", "collective-permute  48.4 kB", "all-reduce  7.08 MB"):
        assert words[label] == 1
    for name in ("images", "conv1", "lrn1", "pool5", "fc8", "227 x 227 x 3", "27 x 27 x 48"):
        assert words[name] == 2, name
    assert words["left"] == words["right"] == words["title"] == words["to the other pairs"] == 1
    assert words["13 x 13 x 192"] == 4  # conv3 and conv4, of 384 maps


@pytest.mark.parametrize(
    ("name", "devices", "expected"),
    [
        ("two_towers", 2, {"conv1": 2, "pool2": 2, "fc8": 2}),
        ("data", 4, {"conv1": 1, "fc8": 1}),
        ("hybrid", 4, {"conv5": 1, "pool5": 1, "fc6": 4, "dropout6": 4, "fc8": 1}),
    ],
)
def test_layer_parts(name: str, devices: int, expected: dict[str, int]) -> None:
    net = architecture("small")
    parts = layer_parts(topology(name, net, jax.devices()[:devices]), net)
    assert {layer: parts[layer] for layer in expected} == expected
