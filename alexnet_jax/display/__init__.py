"""Output helpers: progress of long work, tables as text, blank figures."""

from alexnet_jax.display.figure import blank_figure
from alexnet_jax.display.progress import Progress, duration
from alexnet_jax.display.tables import aligned, milliseconds

__all__ = [
    "Progress",
    "aligned",
    "blank_figure",
    "duration",
    "milliseconds",
]
