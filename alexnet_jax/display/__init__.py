"""Output helpers: progress of long work, tables as text, blank figures, classes in words."""

from alexnet_jax.display.class_words import in_words, words_by_synset
from alexnet_jax.display.figure import blank_figure
from alexnet_jax.display.progress import Progress, format_duration
from alexnet_jax.display.tables import format_markdown, format_milliseconds, format_table

__all__ = [
    "Progress",
    "blank_figure",
    "format_duration",
    "format_markdown",
    "format_milliseconds",
    "format_table",
    "in_words",
    "words_by_synset",
]
