"""Runs on disk: their settings, directories and model cards."""

from alexnet_jax.runs.config import Dtype, Precision, Resize, TrainConfig
from alexnet_jax.runs.description import Description
from alexnet_jax.runs.metrics_file import Line, MetricsFile, is_measurement
from alexnet_jax.runs.model_card import CARD, last_test, model_card
from alexnet_jax.runs.overrides import parse_layer_value, with_overrides
from alexnet_jax.runs.sessions import (
    Session,
    now,
    read_sessions,
    recorded_session,
    versions,
)
from alexnet_jax.runs.workdir import (
    FORMAT,
    hold_workdir,
    open_workdir,
    read_settings,
    read_start,
    require_settings,
    require_shared,
    require_writable,
    write_atomically,
)

__all__ = [
    "CARD",
    "FORMAT",
    "Description",
    "Dtype",
    "Line",
    "MetricsFile",
    "Precision",
    "Resize",
    "Session",
    "TrainConfig",
    "hold_workdir",
    "is_measurement",
    "last_test",
    "model_card",
    "now",
    "open_workdir",
    "parse_layer_value",
    "read_sessions",
    "read_settings",
    "read_start",
    "recorded_session",
    "require_settings",
    "require_shared",
    "require_writable",
    "versions",
    "with_overrides",
    "write_atomically",
]
