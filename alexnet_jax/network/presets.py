"""Presets: networks by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import cifar_tables, small_tables, tables
from alexnet_jax.network.architecture import Architecture, cut
from alexnet_jax.network.layers import Dense, Layer, Weighted, with_units

PresetName = Literal[
    "paper",
    "source2012",
    "caffe_alexnet",
    "caffenet",
    "one_gpu",
    "owt",
    "small",
    "tiny",
    "cifar_80sec",
    "cifar_19pct",
    "cifar_18pct",
    "cifar_13pct",
    "cifar_11pct",
    "paper+conv6",
    "source2012+conv6",
    "caffe_alexnet+conv6",
    "caffenet+conv6",
    "one_gpu+conv6",
    "owt+conv6",
    "small+conv6",
    "tiny+conv6",
]
"""Names of the presets; those with five convolutions also have a sixth as "+conv6"."""

_PRESETS: dict[PresetName, Callable[..., Architecture]] = {
    "paper": tables.paper,
    "source2012": tables.source2012,
    "caffe_alexnet": tables.caffe_alexnet,
    "caffenet": tables.caffenet,
    "one_gpu": tables.one_gpu,
    "owt": tables.owt,
    "small": small_tables.small,
    "tiny": small_tables.tiny,
    "cifar_80sec": cifar_tables.cifar_80sec,
    "cifar_19pct": cifar_tables.cifar_19pct,
    "cifar_18pct": cifar_tables.cifar_18pct,
    "cifar_13pct": cifar_tables.cifar_13pct,
    "cifar_11pct": cifar_tables.cifar_11pct,
}

_CONV6 = "+conv6"
_NAMES: dict[str, PresetName] = {name: name for name in get_args(PresetName)}


def list_presets() -> tuple[PresetName, ...]:
    """Return the names of all presets.

    Example:
      >>> alexnet_jax.list_presets()[:4]
      ('paper', 'source2012', 'caffe_alexnet', 'caffenet')
    """
    return tuple(_PRESETS)


def preset_name(text: str) -> PresetName:
    """Return a text that is known at run time only, such as a command's argument, as a name.

    Raises:
      InputError: no preset has this name; the message says the nearest.
    """
    if text not in _NAMES:
        near = choices(str(text).removesuffix(_CONV6), _PRESETS)
        raise InputError(f"unknown preset {text!r}; {near}")
    return _NAMES[text]


def architecture(
    preset: PresetName = "paper",
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    classes: int | None = None,
    init: PresetName | None = None,
    layers: Mapping[str, Mapping[str, object]] | None = None,
    until: str | None = None,
    head: Iterable[Layer] = (),
) -> Architecture:
    """Return a preset with changes; an argument of None keeps the preset's value.

        architecture("paper", until="fc7")                                     # a part
        architecture("paper", until="pool5", head=[Dense("fc", 10, "linear")])   # another head

    Args:
      preset: one of `list_presets()`; a suffix "+conv6" adds a sixth convolution to those that have
        five.
      image_size: side of square images, or their (height, width), in pixels; from 6 for
        `cifar_13pct` and `cifar_11pct`, 12 for the other `cifar` networks, 19 for `small`, 37 for
        `tiny`, 63 for `owt`, 64 for `source2012` and 67 for the others.
      channels: channels of the input.
      classes: outputs of the last layer.
      init: name of another preset; its initial values are used in the layers of the same names.
      layers: changes of the preset's layers by name, such as {"conv1": {"maps": 64}, "fc6":
        {"units": 256}}.
      until: name of the layer after which the network ends. The part has no classifier, and
        computes the output of that layer, its activation included.
      head: layers of `alexnet_jax.network`, such as `Dense`, to follow the layer `until` in place
        of the preset's own. If the last one is dense and linear it is the classifier, and its units
        are the classes.

    Raises:
      InputError: an unknown preset, layer or field; sizes that do not fit the layers.

    Example:
      >>> ten = alexnet_jax.architecture("paper", classes=10)
      >>> sum(layer.parameters for layer in ten.placed())
      56909194
      >>> [layer.name for layer in alexnet_jax.architecture("small", until="conv2").layers]
      ['conv1', 'lrn1', 'pool1', 'conv2']
    """
    network = _build(preset, classes)
    size = network.image_size if image_size is None else image_size
    name, table, outputs = network.name, network.layers, network.classes
    if init is not None:
        table = _with_initial_values(table, _build(init).layers)
    if layers:
        table = _with_changes(preset, table, layers)
    if until is not None:
        name, table, outputs = cut(network, table, until, head)
    elif head:
        raise InputError("head replaces the layers behind one of the preset's; name it as until")
    if classes is not None and classes != outputs:
        has = f"{outputs} outputs" if outputs else "no classifier, a linear dense layer at its end"
        raise InputError(f"classes {classes} do not fit: {name} has {has}")
    return dataclasses.replace(
        network,
        name=name,
        image_size=size,
        channels=network.channels if channels is None else channels,
        classes=outputs,
        layers=table,
    )


def resolve(network: object, changes: Mapping[str, object]) -> Architecture:
    """Return the network that a module is given: an architecture, or a preset's name and changes.

    Args:
      network: an `Architecture`, or the name of a preset.
      changes: keyword arguments of `architecture`.

    Raises:
      InputError: as `architecture`; changes of a network that is no preset's name.
    """
    if isinstance(network, str):
        return architecture(preset_name(network), **changes)  # type: ignore[arg-type]
    if not isinstance(network, Architecture):
        kind = type(network).__name__
        raise InputError(f"architecture is an Architecture or a preset's name, got {kind}")
    if changes:
        raise InputError(f"{', '.join(changes)} can change a preset that is given by its name only")
    return network


def _build(preset: str, classes: int | None = None) -> Architecture:
    """Build a preset, which may have the suffix "+conv6"; InputError for an unknown one."""
    name = preset_name(preset)
    plain = preset_name(name.removesuffix(_CONV6))
    network = _PRESETS[plain]() if classes is None else _PRESETS[plain](classes=classes)
    return network if plain == name else tables.with_conv6(network)


def _with_initial_values(layers: Iterable[Layer], others: Iterable[Layer]) -> tuple[Layer, ...]:
    """Replace the rules for initial values by those of the other layers of the same names."""
    sources = {layer.name: layer for layer in others}

    def replaced(layer: Layer) -> Layer:
        source = sources.get(layer.name)
        if not (isinstance(layer, Weighted) and isinstance(source, Weighted)):
            return layer
        return dataclasses.replace(layer, std=source.std, bias=source.bias, init=source.init)

    return tuple(map(replaced, layers))


def _with_changes(
    preset: str, layers: Iterable[Layer], changes: Mapping[str, Mapping[str, object]]
) -> tuple[Layer, ...]:
    """Replace fields of layers by name; InputError for the name of a layer that there is not."""
    changed = tuple(_change(layer, changes.get(layer.name, {})) for layer in layers)
    names = [layer.name for layer in changed]
    unknown = sorted(set(changes) - set(names))
    if unknown:
        raise InputError(
            f"preset {preset} has no layer {', '.join(unknown)}; {choices(unknown[0], names)}"
        )
    return changed


def _change(layer: Layer, changes: Mapping[str, object]) -> Layer:
    """Replace fields of a layer; InputError for unknown fields and values of a wrong type."""
    if isinstance(layer, Dense):
        changes = with_units(layer.name, changes)
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
