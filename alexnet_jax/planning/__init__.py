"""Predicted costs of a training run: communication, operations, memory traffic and scaling."""

from alexnet_jax.planning.calibrate import make_update, rates
from alexnet_jax.planning.communication import (
    Crossing,
    column_names,
    crossings,
    layer_parts,
    read_crossings,
)
from alexnet_jax.planning.communication_figure import network_picture
from alexnet_jax.planning.communication_table import format_communication
from alexnet_jax.planning.cost_model import Machine, operations, predict, update_bytes
from alexnet_jax.planning.hlo_text import Array, Instruction, Module, parse_module
from alexnet_jax.planning.lowering import DoesNotFit, compile_lowered, lower_inference, lower_step
from alexnet_jax.planning.scaling import (
    DISCLAIMER,
    LINKS,
    Link,
    assumptions,
    format_scaling,
    predict_scaling,
)
from alexnet_jax.planning.scaling_figure import efficiency_picture
from alexnet_jax.planning.traffic import layout, transfers
from alexnet_jax.planning.validate import compare_with_measured, device_rates, format_comparison

__all__ = [
    "DISCLAIMER",
    "LINKS",
    "Array",
    "Crossing",
    "DoesNotFit",
    "Instruction",
    "Link",
    "Machine",
    "Module",
    "assumptions",
    "column_names",
    "compare_with_measured",
    "compile_lowered",
    "crossings",
    "device_rates",
    "efficiency_picture",
    "format_communication",
    "format_comparison",
    "format_scaling",
    "layer_parts",
    "layout",
    "lower_inference",
    "lower_step",
    "make_update",
    "network_picture",
    "operations",
    "parse_module",
    "predict",
    "predict_scaling",
    "rates",
    "read_crossings",
    "transfers",
    "update_bytes",
]
