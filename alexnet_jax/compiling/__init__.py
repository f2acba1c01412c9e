"""Programs compiled for accelerators that are not there, and what their texts tell."""

from alexnet_jax.compiling.checks import SERIOUS, Finding
from alexnet_jax.compiling.devices import target_devices
from alexnet_jax.compiling.program import Memory, Program, compile_programs
from alexnet_jax.compiling.rates import target_rates
from alexnet_jax.compiling.report import Report, make_report, unfit_json
from alexnet_jax.compiling.report_text import format_report
from alexnet_jax.compiling.targets import CHIPS, Chip, Target, parse_target
from alexnet_jax.planning import DoesNotFit

__all__ = [
    "CHIPS",
    "SERIOUS",
    "Chip",
    "DoesNotFit",
    "Finding",
    "Memory",
    "Program",
    "Report",
    "Target",
    "compile_programs",
    "format_report",
    "make_report",
    "parse_target",
    "target_devices",
    "target_rates",
    "unfit_json",
]
