"""A training run as frozen data: what `experiments/configs/` hold. jax is not imported here."""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from alexnet_jax.errors import InputError

Schedule = Literal["constant", "epochs", "plateau"]
Dtype = Literal["float32", "bfloat16", "float64"]

# What may change when a run goes on; everything else makes it another run.
MAY_DIFFER = frozenset(
    {
        "steps",
        "data_dir",
        "topology",
        "log_every",
        "evaluate_every",
        "checkpoint_every",
        "keep_checkpoints",
        "keep_epochs",
        "flat_steps",
    }
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run. Defaults are the paper's (section 5) where it has a number.

    Steps are updates of the weights. `data_dir` is where a prepared `data` set is. `init` names
    the preset whose initial values the layers take, "preset" meaning its own; `image_size` 0 is
    the preset's. A batch is computed in `accumulate` parts. `ema` > 0 evaluates and keeps a moving
    average of the weights, with that decay. `keep_epochs` > 0 keeps a checkpoint for good every
    so many epochs. A run whose loss is no better than chance for `flat_steps` is stopped; 0: never.
    InputError says which value is out of range.
    """

    name: str
    data: str
    steps: int
    data_dir: str = ""
    preset: str = "paper"
    init: str = "preset"
    image_size: int = 0
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    batch: int = 128
    accumulate: int = 1
    seed: int = 0
    dtype: Dtype = "float32"
    topology: str = "one_device"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    ema: float = 0.0
    schedule: Schedule = "plateau"
    drop_epochs: tuple[float, ...] = ()
    patience: int = 3
    mirror: bool = True
    colour_noise: float = 0.1
    pixel_scale: float = 1.0
    log_every: int = 50
    evaluate_every: int = 1000
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    keep_epochs: float = 0.0
    flat_steps: int = 5000  # "flat after 5k": BVLC/caffe issue 3243

    def __post_init__(self) -> None:
        _require_kinds(self)
        for name in ("steps", "batch", "accumulate", "patience", "log_every", "evaluate_every",
                     "checkpoint_every", "keep_checkpoints"):  # fmt: skip
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name, low, high in (
            ("learning_rate", 0.0, float("inf")),
            ("momentum", 0.0, 1.0),
            ("weight_decay", 0.0, float("inf")),
            ("ema", 0.0, 1.0),
            ("colour_noise", 0.0, float("inf")),
            ("pixel_scale", 0.0, float("inf")),
            ("keep_epochs", 0.0, float("inf")),
            ("flat_steps", 0, float("inf")),
        ):
            if not low <= getattr(self, name) < high:
                raise InputError(
                    f"{name} must lie in [{low:g}, {high:g}), got {getattr(self, name)}"
                )
        for name, choices in (("schedule", Schedule), ("dtype", Dtype)):
            if getattr(self, name) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise InputError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.batch % self.accumulate:
            raise InputError(
                f"accumulate must divide the batch of {self.batch}, got {self.accumulate}"
            )
        if self.image_size < 0:
            raise InputError(
                f"image_size must be > 0, or 0 for the preset's, got {self.image_size}"
            )
        if self.steps >= 2**31:
            raise InputError(f"steps must be below 2^31, got {self.steps}")
        if not self.pixel_scale > 0:
            raise InputError(f"pixel_scale must be above 0, got {self.pixel_scale}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed must lie in [0, 2^32), got {self.seed}")
        rising = list(self.drop_epochs) == sorted(set(self.drop_epochs))
        if not rising or not all(0 < epoch < math.inf for epoch in self.drop_epochs):
            raise InputError(f"drop_epochs must rise from above 0, got {self.drop_epochs}")
        if (self.schedule == "epochs") != bool(self.drop_epochs):
            raise InputError(
                f"schedule {self.schedule!r} with drop_epochs {self.drop_epochs}: the schedule "
                "'epochs' needs drop_epochs, and only it takes them"
            )

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"drop_epochs": list(self.drop_epochs)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrainConfig:
        """The config that `to_json` wrote; InputError where it is not one."""
        try:
            return cls(**{**value, "drop_epochs": tuple(value["drop_epochs"])})
        except (TypeError, KeyError) as error:
            raise InputError(f"not the settings of a run: {error}") from error

    def differences(self, other: TrainConfig) -> list[str]:
        """What makes `other` another run than this one, as "name: this, other"."""
        return [
            f"{name}: {value!r}, now {getattr(other, name)!r}"
            for name, value in vars(self).items()
            if name not in MAY_DIFFER and getattr(other, name) != value
        ]


def _require_kinds(config: TrainConfig) -> None:
    """Raises InputError where a number is not one: a config is a file that anyone may write."""
    for name, hint in typing.get_type_hints(TrainConfig).items():
        value = getattr(config, name)
        kinds = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}.get(hint)
        if kinds and (not isinstance(value, kinds) or (hint is not bool and value is True)):
            raise InputError(f"{name} must be {hint.__name__}, got {value!r}")
        if hint is float and abs(value) > sys.float_info.max and value != math.inf:
            raise InputError(f"{name} must be a number that float64 holds")
    if not isinstance(config.layers, dict) or not all(
        isinstance(name, str) and isinstance(fields, dict) for name, fields in config.layers.items()
    ):
        raise InputError(f"layers must hold fields by layer, got {config.layers!r}")


def changed(config: TrainConfig, settings: dict[str, str]) -> TrainConfig:
    """The config with values set from text, as on a command line.

    "layers.conv1.maps" = "64" changes a field of a layer of the preset.

    Raises:
      InputError: an unknown name; a text that is not a value of the field's type.
    """
    hints = typing.get_type_hints(TrainConfig)
    changes: dict[str, Any] = {}
    layers = {name: dict(values) for name, values in config.layers.items()}
    for name, text in settings.items():
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "layers":
            layers.setdefault(parts[1], {})[parts[2]] = _value(text)
        elif name in hints and name not in ("name", "layers"):
            changes[name] = _parse(name, hints[name], text)
        else:
            known = ", ".join(sorted(set(hints) - {"name", "layers"}))
            raise InputError(f"unknown setting {name!r}; there are {known}, layers.LAYER.FIELD")
    return dataclasses.replace(config, layers=layers, **changes)


def _value(text: str) -> bool | int | float | str:
    """What a text means for a layer's field, whose type is checked where the layer is made."""
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
        return tuple(_parse(name, float, part) for part in text.split(",") if part)
    kind = hint if hint in (int, float) else str
    try:
        return kind(text)
    except ValueError:
        word = {int: "a whole number", float: "a number"}[kind]
        raise InputError(f"{name} must be {word}, got {text!r}") from None
