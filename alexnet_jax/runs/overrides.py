"""Changes to a training run's settings, given as text on a command line."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from alexnet_jax.errors import InputError, choices
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.widths import OTHER_WORD


def with_overrides(config: TrainConfig, settings: dict[str, str]) -> TrainConfig:
    """Return the config with settings changed, name -> text of the value.

    {"layers.conv1.maps": "64"} changes a field of one of the preset's layers.

    Raises:
      InputError: a name is unknown, or a text is not a value of the field's type.
    """
    hints = typing.get_type_hints(TrainConfig)
    changes: dict[str, Any] = {}
    layers = {name: dict(values) for name, values in config.layers.items()}
    for name, text in settings.items():
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "layers":
            fields = layers.setdefault(parts[1], {})
            fields.pop(OTHER_WORD.get(parts[2], ""), None)
            fields[parts[2]] = parse_layer_value(text)
        elif name in hints and name not in ("name", "layers"):
            changes[name] = _parse(name, hints[name], text)
        else:
            known = [*sorted(set(hints) - {"name", "layers"}), "layers.LAYER.FIELD"]
            raise InputError(f"unknown setting {name!r}; {choices(_in_full(name, known), known)}")
    return dataclasses.replace(config, layers=layers, **changes)


def _in_full(name: str, known: Iterable[str]) -> str:
    """Return the known name whose words have `name` as initials (lr: learning_rate), or `name`."""
    initials = {"".join(word[:1] for word in one.split("_")): one for one in known if "_" in one}
    return initials.get(name, name)


def parse_layer_value(text: str) -> bool | int | float | str:
    """Read a text as true or false, int, float or text; the layer itself checks the type later."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parse(name: str, hint: Any, text: str) -> Any:
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{name} must be true or false, got {text!r}")
        return text.lower() == "true"
    if typing.get_origin(hint) is tuple:
        kind = typing.get_args(hint)[0]
        return tuple(_parse(name, kind, part) for part in text.split(",") if part)
    if typing.get_origin(hint) is Mapping:
        return dict(_number(name, part) for part in text.split(",") if part)
    kind = hint if hint in (int, float) else str
    try:
        return kind(text)
    except ValueError:
        word = "a whole number" if kind is int else "a number"
        raise InputError(f"{name} must be {word}, got {text!r}") from None


def _number(name: str, text: str) -> tuple[str, float]:
    layer, colon, number = text.partition(":")
    if not colon:
        raise InputError(f"{name} takes LAYER:NUMBER,LAYER:NUMBER, got {text!r}")
    return layer, _parse(name, float, number)
