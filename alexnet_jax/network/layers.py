"""The kinds of layers that a network's table may hold, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Activation = Literal["relu", "tanh", "linear"]
Init = Literal["normal", "torch"]


@dataclass(frozen=True)
class Conv:
    """Convolution of whole-layer width: `maps` counts the maps of both towers.

    `groups=1` reads all maps of the layer below (which crosses between the towers), `groups=2`
    its own tower's. With `overhang` the output size is rounded up, as in 2012: the last windows
    hang over the bottom and right edges and read zeros there.

    Initial values: init "normal" draws N(0, std^2), std None meaning sqrt(2 / fan-in), and sets
    biases to `bias`; "torch" draws both from U(-1/sqrt(fan-in), 1/sqrt(fan-in)).
    """

    name: str
    maps: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    activation: Activation = "relu"
    std: float | None = 0.01
    bias: float = 0.0
    init: Init = "normal"
    overhang: bool = False


@dataclass(frozen=True)
class Dense:
    """Fully connected layer over all of its input, flattened in the order height, width, map.

    Initial values as `Conv`.
    """

    name: str
    maps: int
    activation: Activation = "relu"
    std: float | None = 0.01
    bias: float = 0.0
    init: Init = "normal"


@dataclass(frozen=True)
class LRN:
    """Local response normalization over all maps of the layer, or within each tower's."""

    name: str
    n: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75
    within_tower: bool = False


@dataclass(frozen=True)
class MapNorm:
    """Response normalization within a map, over windows of size x size around each place."""

    name: str
    size: int = 5
    k: float = 1.0
    alpha: float = 4e-5
    beta: float = 0.75


@dataclass(frozen=True)
class MaxPool:
    """Maximum over windows of size x size, `stride` apart; an activation may follow.

    With `overhang` the output size is rounded up, as in Caffe: the last windows hang over the
    bottom and right edges, and what lies there is not looked at.
    """

    name: str
    size: int = 3
    stride: int = 2
    activation: Activation = "linear"
    overhang: bool = False


@dataclass(frozen=True)
class Dropout:
    """Mask in training, multiplication by `keep` in testing.

    `inverted`, as in Caffe and PyTorch: mask and division by `keep` in training, nothing in
    testing.
    """

    name: str
    keep: float = 0.5
    inverted: bool = False


@dataclass(frozen=True)
class BiasRule:
    """How biases are trained: learning rate relative to the weights', and whether they decay."""

    rate: float = 1.0
    decay: bool = True


@dataclass(frozen=True)
class ViewRule:
    """How training views are drawn.

    `share` consecutive images of a batch have one crop and mirror in common (the colour noise is
    always an image's own). With `attenuate`, views are divided by 1 + the noise's coefficient,
    which makes up for the spread that it adds.
    """

    share: int = 1
    attenuate: bool = False


PLAIN_BIASES = BiasRule()
PLAIN_VIEWS = ViewRule()

Layer = Conv | Dense | LRN | MapNorm | MaxPool | Dropout
