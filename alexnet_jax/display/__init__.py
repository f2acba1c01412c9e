"""Output helpers: progress of long work, tables as text, blank figures, classes in words."""

from alexnet_jax.display import style
from alexnet_jax.display.class_words import in_words, words_by_synset
from alexnet_jax.display.figure import blank_figure
from alexnet_jax.display.progress import LONG, Progress, format_duration, waiting
from alexnet_jax.display.quiet import is_quiet, quiet, remark
from alexnet_jax.display.tables import format_markdown, format_milliseconds, format_table

__all__ = [
    "LONG",
    "Progress",
    "blank_figure",
    "format_duration",
    "format_markdown",
    "format_milliseconds",
    "format_table",
    "in_words",
    "is_quiet",
    "quiet",
    "remark",
    "style",
    "waiting",
    "words_by_synset",
]
