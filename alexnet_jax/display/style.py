"""Colours and sizes of all figures drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sizes of text, in points.
HEADING, TITLE, LABEL, NOTE = 12, 10, 9, 8

BLUE, ORANGE, GREEN, RED = "#1d6fa5", "#c2410c", "#4d7c0f", "#b5341b"
OCHRE, VIOLET, BROWN = "#a16207", "#7a4f9a", "#8a6d1f"
INK, GREY, PALE, FAINT = "#333333", "#5b7083", "#c9d3dc", "#e9ecef"
SERIES = (BLUE, ORANGE, GREEN, VIOLET, OCHRE, GREY, RED, INK)
TOPOLOGIES = {
    "one_device": INK,
    "two_towers": VIOLET,
    "data": BLUE,
    "data_towers": ORANGE,
    "hybrid": GREEN,
}
TOWERS = (RED, GREY)
DIVERGING = "RdBu_r"  # colour map of signed values, white at zero
HEAT = "magma"  # colour map of values >= 0


def open_frame(axes: Axes, *, grid: bool = False) -> None:
    """Leave out a plot's frame at the top and the right, and draw a faint grid if asked for."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.3)


def no_ticks(axes: Axes) -> None:
    """Leave out the ticks of a picture."""
    axes.set(xticks=[], yticks=[])
