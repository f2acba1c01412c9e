"""Output helpers: progress of long work, tables as text, blank figures."""

from alexnet_jax.display.figure import blank_figure
from alexnet_jax.display.progress import Progress, format_duration
from alexnet_jax.display.tables import format_milliseconds, format_table

__all__ = [
    "Progress",
    "blank_figure",
    "format_duration",
    "format_milliseconds",
    "format_table",
]
