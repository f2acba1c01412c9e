"""Kinds of layers in a network's table, and rules for its training, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from alexnet_jax.errors import InputError

Activation = Literal["relu", "tanh", "linear"]
Init = Literal["normal", "torch"]


@dataclass(frozen=True)
class Conv:
    """Convolution; `maps` counts the output maps of both towers.

    With `groups=1` each tower reads all maps of the layer below, which therefore cross between the
    towers; with `groups=2` it reads only its own. With `overhang` the output size is rounded up, as
    in 2012: the last windows extend beyond the bottom and right edges and read zeros there.

    Initial values: with `init="normal"` weights are drawn from N(0, std^2), where a `std` of None
    stands for sqrt(2 / fan-in), and biases are `bias`; with "torch" both are drawn from
    U(-1/sqrt(fan-in), 1/sqrt(fan-in)).
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
class Local:
    """Locally connected layer: a convolution with kernels and biases of their own at each place.

    Each of the `maps` output maps reads all maps of the layer below. Sizes, `overhang` and initial
    values are as for `Conv`.
    """

    name: str
    maps: int
    kernel: int
    stride: int = 1
    padding: int = 0
    activation: Activation = "relu"
    std: float | None = 0.01
    bias: float = 0.0
    init: Init = "normal"
    overhang: bool = False


@dataclass(frozen=True)
class Dense:
    """Fully connected layer over its input, flattened to height, width, map.

    Initial values are drawn as for `Conv`.
    """

    name: str
    units: int
    activation: Activation = "relu"
    std: float | None = 0.01
    bias: float = 0.0
    init: Init = "normal"


@dataclass(frozen=True)
class LRN:
    """Local response normalization over all maps of the layer, or over those of each tower."""

    name: str
    n: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75
    within_tower: bool = False


@dataclass(frozen=True)
class MapNorm:
    """Response normalization within each map, over windows of size x size around each position."""

    name: str
    size: int = 5
    k: float = 1.0
    alpha: float = 4e-5
    beta: float = 0.75


@dataclass(frozen=True)
class MaxPool:
    """Maximum over windows of size x size, `stride` apart; an activation may follow.

    With `overhang` the output size is rounded up, as in Caffe: the last windows extend beyond the
    bottom and right edges, and only their part inside the maps counts.
    """

    name: str
    size: int = 3
    stride: int = 2
    activation: Activation = "linear"
    overhang: bool = False


@dataclass(frozen=True)
class AveragePool:
    """Average over windows of size x size, `stride` apart; an activation may follow.

    With `overhang` the output size is rounded up, as in 2012: the last windows extend beyond the
    bottom and right edges, and average over their part inside the maps.
    """

    name: str
    size: int = 3
    stride: int = 2
    activation: Activation = "linear"
    overhang: bool = False


@dataclass(frozen=True)
class Dropout:
    """Dropout: a mask in training, multiplication by `keep` in testing.

    With `inverted`, as in Caffe and PyTorch, training also divides by `keep`, and testing changes
    nothing.
    """

    name: str
    keep: float = 0.5
    inverted: bool = False


@dataclass(frozen=True)
class BiasRule:
    """Rule for training biases: learning rate relative to the weights', and whether they decay."""

    rate: float = 1.0
    decay: bool = True


@dataclass(frozen=True)
class ViewRule:
    """Rule for drawing training views.

    `share` consecutive images of a batch have the same crop and mirroring; colour noise is drawn
    for each image. With `attenuate`, views are divided by 1 + the noise's coefficient, as in the
    source.
    """

    share: int = 1
    attenuate: bool = False


PLAIN_BIASES = BiasRule()
PLAIN_VIEWS = ViewRule()

Weighted = Conv | Local | Dense  # layers with parameters
Pool = MaxPool | AveragePool
Windowed = Conv | Local | Pool  # layers whose windows slide over maps
Layer = Weighted | LRN | MapNorm | Pool | Dropout


def with_units(name: str, fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields of the dense layer `name` with its width as "units", also if it is "maps".

    Raises:
      InputError: both are given.
    """
    if {"maps", "units"} <= set(fields):
        raise InputError(
            f"{name}: units and maps are one field, got {fields['units']} and {fields['maps']}"
        )
    return {"units" if field == "maps" else field: value for field, value in fields.items()}
