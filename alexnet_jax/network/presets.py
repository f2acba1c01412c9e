"""Presets: networks by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import tables
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Conv, Dense, Layer

_PRESETS: dict[str, Callable[..., Architecture]] = {
    "paper": tables.paper,
    "source2012": tables.source2012,
    "caffe_alexnet": tables.caffe_alexnet,
    "caffenet": tables.caffenet,
    "one_gpu": tables.one_gpu,
    "owt": tables.owt,
    "small": tables.small,
}

_CONV6 = "+conv6"


def list_presets() -> tuple[str, ...]:
    """Return the names of all presets."""
    return tuple(_PRESETS)


def architecture(
    preset: str = "paper",
    *,
    image_size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    init: str | None = None,
    layers: Mapping[str, Mapping[str, object]] | None = None,
) -> Architecture:
    """Return a preset with changes; an argument of None keeps the preset's value.

    Args:
      preset: one of `list_presets()`; a suffix "+conv6" adds a sixth convolution.
      image_size: side of the square input, in pixels.
      channels: channels of the input.
      classes: outputs of the last layer.
      init: name of another preset; its initial values are used in the layers of the same names.
      layers: changes by layer name, such as {"conv1": {"maps": 64}, "dropout6": {"keep": 0.8}}.

    Raises:
      InputError: an unknown preset, layer or field; sizes that do not fit the layers.
    """
    given = {"image_size": image_size, "channels": channels, "classes": classes}
    sizes = {name: value for name, value in given.items() if value is not None}
    network = _build(preset, **sizes)
    if init is not None:
        network = _with_initial_values(network, _build(init))
    if not layers:
        return network
    changed = tuple(_change(layer, layers.get(layer.name, {})) for layer in network.layers)
    names = [layer.name for layer in network.layers]
    unknown = sorted(set(layers) - set(names))
    if unknown:
        raise InputError(
            f"preset {preset} has no layer {', '.join(unknown)}; {choices(unknown[0], names)}"
        )
    return dataclasses.replace(network, layers=changed)


def _build(preset: str, **sizes: int) -> Architecture:
    """Build a preset, which may have the suffix "+conv6"."""
    plain = preset.removesuffix(_CONV6)
    if plain not in _PRESETS:
        raise InputError(f"unknown preset {preset!r}; {choices(plain, _PRESETS)}")
    network = _PRESETS[plain](**sizes)
    return network if plain == preset else tables.with_conv6(network)


def _with_initial_values(network: Architecture, other: Architecture) -> Architecture:
    """Replace the rules for initial values by those of another's layers of the same names."""
    sources = {layer.name: layer for layer in other.layers}

    def replaced(layer: Layer) -> Layer:
        source = sources.get(layer.name)
        if not (isinstance(layer, Conv | Dense) and isinstance(source, Conv | Dense)):
            return layer
        return dataclasses.replace(layer, std=source.std, bias=source.bias, init=source.init)

    return dataclasses.replace(network, layers=tuple(map(replaced, network.layers)))


def _change(layer: Layer, changes: Mapping[str, object]) -> Layer:
    """Replace fields of a layer; InputError for unknown fields and values of a wrong type."""
    fields = {field.name for field in dataclasses.fields(layer)} - {"name"}
    unknown = sorted(set(changes) - fields)
    if unknown:
        raise InputError(
            f"{layer.name} has no {', '.join(unknown)}; {choices(unknown[0], sorted(fields))}"
        )
    for name, value in changes.items():
        types = _accepted_types(name, getattr(layer, name))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            expected = " or ".join(accepted.__name__ for accepted in types)
            raise InputError(f"{layer.name}.{name} must be {expected}, got {value!r}")
    return dataclasses.replace(layer, **changes)  # type: ignore[arg-type]


def _accepted_types(name: str, value: object) -> tuple[type, ...]:
    """Return the types of values that may replace `value` in the field `name` of a layer."""
    if isinstance(value, float) or name == "std":
        return (int, float)
    return (type(value),)
