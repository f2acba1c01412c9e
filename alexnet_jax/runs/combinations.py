"""Checks of settings of a training run that depend on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.runs.config import TrainConfig


def require_combination(config: TrainConfig) -> None:
    """Raise InputError, one line, for settings that exclude each other or lack one another."""
    if config.batch % config.accumulate:
        raise InputError(
            f"accumulate must divide the batch of {config.batch}, got {config.accumulate}"
        )
    if config.precision == "highest" and config.dtype == "bfloat16":
        raise InputError("precision 'highest' is for float32 and float64, got dtype 'bfloat16'")
    _require_layers(config)
    _require_schedule(config)
    _require_lars(config)


def _require_layers(config: TrainConfig) -> None:
    """Raise InputError for malformed settings by layer, and for those of frozen layers."""
    layers = config.layers
    if not isinstance(layers, Mapping) or not all(
        isinstance(name, str) and isinstance(fields, Mapping) for name, fields in layers.items()
    ):
        raise InputError(f"layers must hold fields by layer, got {layers!r}")
    _require_numbers(config, "layer_rates", config.layer_rates, "(0, inf)")
    _require_numbers(config, "layer_decays", config.layer_decays, "[0, inf)")


def _require_numbers(
    config: TrainConfig, setting: str, numbers: Mapping[str, float], interval: str
) -> None:
    """Raise InputError unless `numbers` holds numbers in an interval by layers not frozen."""
    word = setting.removeprefix("layer_")
    if not isinstance(numbers, Mapping) or not all(isinstance(name, str) for name in numbers):
        raise InputError(f"{setting} takes {word} by names of layers, got {numbers!r}")
    least = 0.0 if interval.startswith("[") else math.ulp(0.0)
    for name, value in numbers.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value < math.inf:
            hint = " (freeze keeps a layer as it is)" if word == "rates" else ""
            raise InputError(f"{setting} must lie in {interval}, got {value!r} for {name}{hint}")
        if name in config.freeze:
            raise InputError(f"{name} is frozen, and cannot have a {word[:-1]} in {setting}")


def _require_schedule(config: TrainConfig) -> None:
    """Raise InputError unless `drop_epochs` is set for the schedule "epochs", and only for it."""
    if (config.schedule == "epochs") != bool(config.drop_epochs):
        raise InputError(
            f"schedule {config.schedule!r} with drop_epochs {config.drop_epochs}: the schedule "
            "'epochs' needs drop_epochs, and only it takes them"
        )


def _require_lars(config: TrainConfig) -> None:
    """Raise InputError for settings that LARS does not support."""
    if (config.trust > 0) != (config.bias_learning_rate > 0):
        raise InputError(
            f"trust {config.trust:g} with bias_learning_rate {config.bias_learning_rate:g}: LARS "
            "takes both above 0, the paper's update neither"
        )
    if config.trust > 0 and not config.learning_rate > 0:
        raise InputError(f"LARS takes a learning_rate above 0, got {config.learning_rate}")
    if config.trust > 0 and not config.rate_inside:
        raise InputError("LARS has its rate inside the velocity, got rate_inside False")
    if config.trust > 0 and config.layer_rates:
        raise InputError(
            f"LARS sets every layer's rate itself and takes no layer_rates, got "
            f"{config.layer_rates}"
        )
    if config.trust > 0 and config.layer_decays:
        raise InputError(
            f"LARS has one weight_decay and takes no layer_decays, got {config.layer_decays}"
        )
