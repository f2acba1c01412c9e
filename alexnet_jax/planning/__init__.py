"""Predicted costs of a training run: communication, operations, memory traffic and scaling."""

from alexnet_jax.planning.communication import column_names, crossings, layer_parts
from alexnet_jax.planning.communication_figure import network_picture
from alexnet_jax.planning.communication_table import format_communication
from alexnet_jax.planning.cost_model import Machine, operations, predict, update_bytes
from alexnet_jax.planning.scaling import LINKS, PAPER, assumptions, format_scaling, scaled
from alexnet_jax.planning.scaling_figure import efficiency_picture
from alexnet_jax.planning.traffic import layout
from alexnet_jax.planning.validate import compare, device_rates, format_comparison

__all__ = [
    "LINKS",
    "PAPER",
    "Machine",
    "assumptions",
    "column_names",
    "compare",
    "crossings",
    "device_rates",
    "efficiency_picture",
    "format_communication",
    "format_comparison",
    "format_scaling",
    "layer_parts",
    "layout",
    "network_picture",
    "operations",
    "predict",
    "scaled",
    "update_bytes",
]
