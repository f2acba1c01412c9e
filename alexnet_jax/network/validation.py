"""Checks of the layers of a network and of its rules; each raises InputError with one line."""

from __future__ import annotations

import dataclasses
from typing import get_args

from alexnet_jax.errors import InputError
from alexnet_jax.network.layers import (
    LRN,
    Activation,
    BiasRule,
    Conv,
    Dense,
    Dropout,
    Init,
    Layer,
    Local,
    MapNorm,
    Pool,
    ViewRule,
    Weighted,
    Windowed,
)
from alexnet_jax.network.shapes import Placed

_FLOAT32_MAX = 3.4028234663852886e38  # the largest finite value of a layer's constants
_TYPES: dict[object, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "float | None": (int, float, type(None)),
    "str": (str,), "bool": (bool,),
}  # fmt: skip


def is_count(value: object) -> bool:
    """Whether a value is an int of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def require_layers(layers: object) -> None:
    """Raise InputError unless `layers` are a tuple of layers with different names."""
    kinds = ", ".join(kind.__name__ for kind in get_args(Layer))
    if not isinstance(layers, tuple) or not layers:
        raise InputError(f"layers must be a tuple of one or more of {kinds}, got {layers!r}")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"a layer is one of {kinds}, got {layer!r}")
        require_types(str(layer.name), layer)
        _require_window(layer)
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):
        raise InputError(f"layer names must differ, got {names}")


def require_types(where: str, rule: Layer | BiasRule | ViewRule) -> None:
    """Raise InputError unless all fields of a layer or a rule have the right types."""
    for field in dataclasses.fields(rule):
        value, types = getattr(rule, field.name), _TYPES.get(field.type)
        if types is None:
            continue  # a Literal, which `_check_choice` checks
        if not isinstance(value, types) or (isinstance(value, bool) and types != (bool,)):
            raise InputError(f"{where}: {field.name} must be {field.type}, got {value!r}")
        if isinstance(value, int) and abs(value) >= 2**31:
            raise InputError(f"{where}: {field.name} must be below 2^31")


def _require_window(layer: Layer) -> None:
    """Raise InputError for a window, stride or padding that is too small for any image."""
    if not isinstance(layer, Windowed):
        return
    window = layer.size if isinstance(layer, Pool) else layer.kernel
    padding = 0 if isinstance(layer, Pool) else layer.padding
    if window < 1 or layer.stride < 1 or padding < 0:
        raise InputError(
            f"{layer.name} has window {window}, stride {layer.stride}, padding {padding}; at "
            "least 1, 1, 0 are needed"
        )


def check_layer(placed: Placed, towers: int, *, last: bool) -> None:
    """Raise InputError for values of a layer that are out of range or do not fit the network.

    Args:
      placed: the layer in its place.
      towers: number of towers of the network.
      last: whether no other layer with weights follows.
    """
    layer, where = placed.layer, placed.layer.name
    match layer:
        case Conv(maps=count) | Local(maps=count) | Dense(units=count):
            word = "units" if isinstance(layer, Dense) else "maps"
            # A last dense layer may have any number of units: if it does not split, it is
            # replicated.
            whole = last and isinstance(layer, Dense)
            if count < 1 or (count % towers and not whole):
                raise InputError(f"{where} has {count} {word}, which {towers} towers cannot share")
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
    if isinstance(layer, Weighted | Pool):
        _check_choice(where, "activation", layer.activation, get_args(Activation))
    if isinstance(layer, Conv) and (
        layer.groups not in (1, towers) or placed.input[-1] % layer.groups
    ):
        raise InputError(
            f"{where}: groups must be 1 or the number of towers, {towers}, and divide "
            f"{placed.input[-1]} input maps; got {layer.groups}"
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
