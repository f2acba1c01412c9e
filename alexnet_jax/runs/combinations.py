"""Checks of settings of a training run that depend on each other."""

from __future__ import annotations

import math
from collections.abc import Mapping

from alexnet_jax.errors import InputError


def require_equal_parts(batch: int, accumulate: int) -> None:
    """Raise InputError unless `accumulate` divides the batch."""
    if batch % accumulate:
        raise InputError(f"accumulate must divide the batch of {batch}, got {accumulate}")


def require_precision(precision: str, dtype: str) -> None:
    """Raise InputError for the precision "highest" with bfloat16."""
    if precision == "highest" and dtype == "bfloat16":
        raise InputError("precision 'highest' is for float32 and float64, got dtype 'bfloat16'")


def require_layers(
    layers: Mapping[str, Mapping[str, object]],
    layer_rates: Mapping[str, float],
    layer_decays: Mapping[str, float],
    freeze: tuple[str, ...],
) -> None:
    """Raise InputError for malformed settings by layer, and for those of frozen layers."""
    if not isinstance(layers, Mapping) or not all(
        isinstance(name, str) and isinstance(fields, Mapping) for name, fields in layers.items()
    ):
        raise InputError(f"layers must hold fields by layer, got {layers!r}")
    _require_numbers("layer_rates", layer_rates, "(0, inf)", freeze)
    _require_numbers("layer_decays", layer_decays, "[0, inf)", freeze)


def _require_numbers(
    setting: str, numbers: Mapping[str, float], interval: str, freeze: tuple[str, ...]
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
        if name in freeze:
            raise InputError(f"{name} is frozen, and cannot have a {word[:-1]} in {setting}")


def require_schedule(schedule: str, drop_epochs: tuple[float, ...]) -> None:
    """Raise InputError unless `drop_epochs` is set for the schedule "epochs", and only for it."""
    if (schedule == "epochs") != bool(drop_epochs):
        raise InputError(
            f"schedule {schedule!r} with drop_epochs {drop_epochs}: the schedule "
            "'epochs' needs drop_epochs, and only it takes them"
        )


def require_lars(
    trust: float,
    bias_learning_rate: float,
    *,
    learning_rate: float,
    rate_inside: bool,
    layer_rates: Mapping[str, float],
    layer_decays: Mapping[str, float],
) -> None:
    """Raise InputError for settings that LARS does not support."""
    if (trust > 0) != (bias_learning_rate > 0):
        raise InputError(
            f"trust {trust:g} with bias_learning_rate {bias_learning_rate:g}: LARS "
            "takes both above 0, the paper's update neither"
        )
    if not trust > 0:
        return
    if not learning_rate > 0:
        raise InputError(f"LARS takes a learning_rate above 0, got {learning_rate}")
    if not rate_inside:
        raise InputError("LARS has its rate inside the velocity, got rate_inside False")
    if layer_rates:
        raise InputError(
            f"LARS sets every layer's rate itself and takes no layer_rates, got {layer_rates}"
        )
    if layer_decays:
        raise InputError(f"LARS has one weight_decay and takes no layer_decays, got {layer_decays}")
