"""Network as frozen data: a table of layers in the order in which they are computed.

This module creates no arrays and does not import jax. The numbers of the presets and their sources
are in `tables.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args  # noqa: TID251 (values of JSON, which `from_json` checks)

from alexnet_jax.errors import InputError
from alexnet_jax.network.layers import (
    LRN,
    PLAIN_BIASES,
    PLAIN_VIEWS,
    Activation,
    BiasRule,
    Conv,
    Dense,
    Dropout,
    Init,
    Layer,
    MapNorm,
    MaxPool,
    ViewRule,
)

_FLOAT32_MAX = 3.4028234663852886e38  # the largest finite value of a layer's constants


@dataclass(frozen=True)
class Placed:
    """Layer with its input and output shapes in a network: (height, width, maps) or (units,)."""

    layer: Layer
    input: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """Shape of the layer's kernel, HWIO or (in, out); None for layers without parameters."""
        match self.layer:
            case Conv(maps=maps, kernel=side, groups=groups):
                return (side, side, self.input[-1] // groups, maps)
            case Dense(maps=maps):
                return (math.prod(self.input), maps)
        return None


@dataclass(frozen=True)
class Architecture:
    """Network: its input, its table of layers, and the rules for biases and views in training.

    The last layer is the classifier and has `classes` outputs. The constructor checks everything;
    its InputError names the layer and the value that do not fit.
    """

    name: str
    image_size: int
    channels: int
    classes: int
    layers: tuple[Layer, ...]
    towers: int = 2
    biases: BiasRule = PLAIN_BIASES
    views: ViewRule = PLAIN_VIEWS

    def __post_init__(self) -> None:
        for field in ("image_size", "channels", "classes", "towers"):
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{self.name}: {field} must be a whole number > 0, got {value!r}")
        for rule in (self.biases, self.views, *self.layers):
            _require_types(f"{self.name}: {getattr(rule, 'name', type(rule).__name__)}", rule)
        if self.views.share < 1:
            raise InputError(f"{self.name}: share must be at least 1, got {self.views.share}")
        names = [layer.name for layer in self.layers]
        if len(set(names)) < len(names):
            raise InputError(f"{self.name}: layer names must differ, got {names}")
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Dense) or last.maps != self.classes:
            raise InputError(f"{self.name}: the last layer must be dense with {self.classes} units")
        for placed in self.placed():
            _check_layer(self, placed)

    def placed(self) -> Iterator[Placed]:
        """Yield the layers with their shapes; InputError names a layer whose input is too small."""
        shape: tuple[int, ...] = (self.image_size, self.image_size, self.channels)
        for layer in self.layers:
            output = _output_shape(self, layer, shape)
            yield Placed(layer, shape, output)
            shape = output

    def to_json(self) -> dict[str, object]:
        """Return a description for JSON, from which `from_json` rebuilds an equal architecture."""
        layers = [{"kind": type(layer).__name__, **vars(layer)} for layer in self.layers]
        rules = {"biases": vars(self.biases), "views": vars(self.views)}
        return {**vars(self), "layers": layers, **rules}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Architecture:
        """Rebuild the architecture that `to_json` described; InputError for any other value."""
        kinds = {kind.__name__: kind for kind in get_args(Layer)}
        try:
            layers = tuple(
                kinds[layer["kind"]](**{k: v for k, v in layer.items() if k != "kind"})
                for layer in value["layers"]
            )
            # Older descriptions have no rule for views; the plain one applies.
            rules = {
                "biases": BiasRule(**value["biases"]),
                "views": ViewRule(**value.get("views", {})),
            }
            return cls(**{**value, "layers": layers, **rules})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not a description of a network: {error}") from error


_TYPES: dict[object, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "float | None": (int, float, type(None)),
    "str": (str,), "bool": (bool,),
}  # fmt: skip


def _require_types(where: str, rule: Layer | BiasRule | ViewRule) -> None:
    """Raise InputError unless all fields of a layer or a rule have the right types."""
    for field in dataclasses.fields(rule):
        value, types = getattr(rule, field.name), _TYPES.get(field.type)
        if types is None:
            continue  # a Literal, which `_check_choice` checks
        if not isinstance(value, types) or (isinstance(value, bool) and types != (bool,)):
            raise InputError(f"{where}: {field.name} must be {field.type}, got {value!r}")
        if isinstance(value, int) and abs(value) >= 2**31:
            raise InputError(f"{where}: {field.name} must be below 2^31")


def _output_shape(
    architecture: Architecture, layer: Layer, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the output shape of a layer with the input shape `shape`."""
    match layer:
        case Conv(kernel=kernel, stride=stride, padding=padding, maps=maps):
            sides = _output_sides(
                architecture, layer, shape, kernel, stride, padding, layer.overhang
            )
            return (*sides, maps)
        case MaxPool(size=size, stride=stride):
            sides = _output_sides(architecture, layer, shape, size, stride, 0, layer.overhang)
            return (*sides, shape[-1])
        case Dense(maps=maps):
            return (maps,)
    return shape


def _output_sides(
    architecture: Architecture,
    layer: Conv | MaxPool,
    shape: tuple[int, ...],
    window: int,
    stride: int,
    padding: int,
    overhang: bool = False,
) -> tuple[int, int]:
    """Return the output's height and width for windows that slide over the input."""
    if len(shape) != 3:
        raise InputError(f"{architecture.name}: {layer.name} needs maps, but gets {shape}")
    if window < 1 or stride < 1 or padding < 0:
        raise InputError(
            f"{architecture.name}: {layer.name} has window {window}, stride {stride}, "
            f"padding {padding}; at least 1, 1, 0 are needed"
        )
    height, width = shape[:2]
    if window > min(height, width) + 2 * padding:
        raise InputError(
            f"{architecture.name}: images of {architecture.image_size}x{architecture.image_size} "
            f"are too small: {layer.name} needs at least {window - 2 * padding}x"
            f"{window - 2 * padding}, but gets {height}x{width}"
        )
    round_up = stride - 1 if overhang else 0
    rows, columns = ((side + 2 * padding - window + round_up) // stride + 1 for side in shape[:2])
    return rows, columns


def _check_layer(architecture: Architecture, placed: Placed) -> None:
    """Raise InputError for values of a layer that are out of range or do not fit the network."""
    layer, where = placed.layer, f"{architecture.name}: {placed.layer.name}"
    match layer:
        case Conv(maps=maps) | Dense(maps=maps):
            # The classifier may have any number of units: if it does not split, it is replicated.
            if maps < 1 or (layer is not architecture.layers[-1] and maps % architecture.towers):
                raise InputError(
                    f"{where} has {maps} maps, which {architecture.towers} towers cannot share"
                )
            if layer.std is not None and not 0 < layer.std <= _FLOAT32_MAX:
                raise InputError(f"{where}: std must be > 0 and finite, got {layer.std!r}")
            if not abs(layer.bias) <= _FLOAT32_MAX:
                raise InputError(f"{where}: bias must be finite, got {layer.bias!r}")
            _check_choice(where, "init", layer.init, get_args(Init))
        case LRN(n=n):
            if n < 1:
                raise InputError(f"{where}: n must be at least 1, got n={n}")
            _check_constants(where, layer)
        case MapNorm(size=size):
            if size < 1 or size % 2 == 0:
                raise InputError(f"{where}: size must be odd, got size={size}")
            _check_constants(where, layer)
        case Dropout(keep=keep):
            if not 0 < keep <= 1:
                raise InputError(f"{where}: keep must lie in (0, 1], got {keep!r}")
    if isinstance(layer, Conv | Dense | MaxPool):
        _check_choice(where, "activation", layer.activation, get_args(Activation))
    if isinstance(layer, Conv) and (
        layer.groups not in (1, architecture.towers) or placed.input[-1] % layer.groups
    ):
        raise InputError(
            f"{where}: groups must be 1 or the number of towers, {architecture.towers}, and "
            f"divide {placed.input[-1]} input maps; got {layer.groups}"
        )


def _check_constants(where: str, layer: LRN | MapNorm) -> None:
    constants = (
        ("k", layer.k, layer.k > 0),
        ("alpha", layer.alpha, layer.alpha >= 0),
        ("beta", layer.beta, True),
    )
    for name, value, in_range in constants:
        if not (in_range and abs(value) <= _FLOAT32_MAX):
            raise InputError(f"{where}: {name} is out of range, got {name}={value!r}")


def _check_choice(where: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{where}: {name} must be one of {', '.join(allowed)}, got {value!r}")
