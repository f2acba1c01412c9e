"""Settings of runs beside the defaults, as rows of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alexnet_jax.errors import InputError, printable
from alexnet_jax.network import architecture, preset_name
from alexnet_jax.runs import TrainConfig

_NONE = "none"


@dataclass(frozen=True)
class Setting:
    """Setting of several runs.

    Attributes:
      name: its name, as `--set` takes it.
      default: the default of `TrainConfig`, or the preset's where `layers` changes it; "" if it
        has none.
      values: its value in each run.
    """

    name: str
    default: str
    values: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether a run differs from the default, or the runs from each other."""
        return any(value != self.default for value in self.values)


def settings(configs: Sequence[TrainConfig]) -> list[Setting]:
    """Return every setting of some runs, in the order of `TrainConfig`; layers' fields last."""
    rows = []
    for field in dataclasses.fields(TrainConfig):
        if field.name == "layers":
            continue
        values = tuple(_text(getattr(config, field.name)) for config in configs)
        rows.append(Setting(field.name, _default(field), values))
    changed = {key: None for config in configs for key in _changes(config)}
    for key in changed:
        of_presets = [_of_preset(config, key) for config in configs]
        values = tuple(
            _changes(config).get(key, own) for config, own in zip(configs, of_presets, strict=True)
        )
        alike = len(set(of_presets)) == 1
        rows.append(Setting(f"layers.{key}", of_presets[0] if alike else "", values))
    return rows


def _default(field: dataclasses.Field[object]) -> str:
    if field.default is not dataclasses.MISSING:
        return _text(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return _text(field.default_factory())
    return ""


def _text(value: object) -> str:
    """Write a setting's value as `--set` takes it; nothing is "none"."""
    match value:
        case "" | ():
            return _NONE
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case Mapping():
            return ", ".join(f"{printable(str(k))}:{_text(v)}" for k, v in value.items()) or _NONE
        case tuple() | list():
            return ", ".join(map(_text, value))
    return printable(str(value))


def _changes(config: TrainConfig) -> dict[str, str]:
    """Return the changed fields of layers, such as {"conv1.maps": "64"}."""
    return {
        f"{printable(layer)}.{printable(name)}": _text(value)
        for layer, fields in config.layers.items()
        for name, value in fields.items()
    }


def _of_preset(config: TrainConfig, key: str) -> str:
    """Return the value of a layer's field in the run's preset, "" where it has none."""
    layer, _, name = key.partition(".")
    try:
        layers = architecture(preset_name(config.preset)).layers
    except InputError:  # a preset of another version of this package
        return ""
    own = next((one for one in layers if one.name == layer), None)
    return _text(getattr(own, name)) if hasattr(own, name) else ""
