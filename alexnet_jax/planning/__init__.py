"""Predicted costs of a training run: communication, operations, memory traffic and scaling."""

from alexnet_jax.planning.calibrate import make_update
from alexnet_jax.planning.communication import column_names, crossings, layer_parts
from alexnet_jax.planning.communication_figure import network_picture
from alexnet_jax.planning.communication_table import format_communication
from alexnet_jax.planning.cost_model import Machine, operations, predict, update_bytes
from alexnet_jax.planning.scaling import (
    DISCLAIMER,
    LINKS,
    assumptions,
    format_scaling,
    predict_scaling,
)
from alexnet_jax.planning.scaling_figure import efficiency_picture
from alexnet_jax.planning.traffic import layout
from alexnet_jax.planning.validate import compare_with_measured, device_rates, format_comparison

__all__ = [
    "DISCLAIMER",
    "LINKS",
    "Machine",
    "assumptions",
    "column_names",
    "compare_with_measured",
    "crossings",
    "device_rates",
    "efficiency_picture",
    "format_communication",
    "format_comparison",
    "format_scaling",
    "layer_parts",
    "layout",
    "make_update",
    "network_picture",
    "operations",
    "predict",
    "predict_scaling",
    "update_bytes",
]
