"""Networks by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from alexnet_jax.errors import InputError
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
    """Names that `architecture` takes."""
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
    """A network by name, changed as asked; what is None keeps the preset's value.

    Args:
      preset: one of `list_presets()`; with "+conv6" after it, a sixth convolution is added.
      image_size: side of the square input, in pixels.
      channels: channels of the input.
      classes: outputs of the last layer.
      init: another preset, whose initial values the layers of the same names take.
      layers: changes by layer name, such as {"conv1": {"maps": 64}, "dropout6": {"keep": 0.8}}.

    Raises:
      InputError: an unknown preset, layer or field; sizes that the layers cannot take.
    """
    asked = {"image_size": image_size, "channels": channels, "classes": classes}
    found = _made(preset, **{name: value for name, value in asked.items() if value is not None})
    if init is not None:
        found = _started_like(found, _made(init))
    if not layers:
        return found
    changed = tuple(_changed(layer, layers.get(layer.name, {})) for layer in found.layers)
    unknown = set(layers) - {layer.name for layer in found.layers}
    if unknown:
        raise InputError(f"preset {preset} has no layer {', '.join(sorted(unknown))}")
    return dataclasses.replace(found, layers=changed)


def _made(preset: str, **asked: int) -> Architecture:
    plain = preset.removesuffix(_CONV6)
    if plain not in _PRESETS:
        raise InputError(f"unknown preset {preset!r}; there are {', '.join(_PRESETS)}")
    found = _PRESETS[plain](**asked)
    return found if plain == preset else tables.with_conv6(found)


def _started_like(found: Architecture, other: Architecture) -> Architecture:
    """The network with the initial values of another's layers of the same names."""
    others = {layer.name: layer for layer in other.layers}

    def started(layer: Layer) -> Layer:
        like = others.get(layer.name)
        if not (isinstance(layer, Conv | Dense) and isinstance(like, Conv | Dense)):
            return layer
        return dataclasses.replace(layer, std=like.std, bias=like.bias, init=like.init)

    return dataclasses.replace(found, layers=tuple(map(started, found.layers)))


def _changed(layer: Layer, changes: Mapping[str, object]) -> Layer:
    fields = {field.name for field in dataclasses.fields(layer)} - {"name"}
    unknown = set(changes) - fields
    if unknown:
        raise InputError(
            f"{layer.name} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(fields))}"
        )
    for name, value in changes.items():
        kinds = _kinds(getattr(layer, name), name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise InputError(f"{layer.name}.{name} must be {wanted}, got {value!r}")
    return dataclasses.replace(layer, **changes)  # type: ignore[arg-type]


def _kinds(value: object, name: str) -> tuple[type, ...]:
    """Types that may stand in for a layer's value."""
    if isinstance(value, float) or name == "std":
        return (int, float)
    return (type(value),)
