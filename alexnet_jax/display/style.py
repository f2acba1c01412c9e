"""Colours and sizes of all figures drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Sizes of text, in points.
HEADING, TITLE, LABEL, NOTE = 12, 10, 9, 8

# Told apart by readers who see no red or no green, too, by their lightness; all but the ochre are
# dark enough for text on white.
BLUE, ORANGE, GREEN, RED = "#2658a8", "#d8300b", "#05814e", "#8b1d10"
OCHRE, VIOLET = "#c58610", "#602469"
INK, GREY = "#1f2a30", "#6a7290"
PALE, FAINT, ROSE = "#c9d3dc", "#e9ecef", "#e9a99c"  # grounds, with dark text on them
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


def legend_below(figure: Figure, marks: Collection[Artist], words: Collection[str]) -> None:
    """Explain marks in one line below all plots of a figure."""
    figure.legend(
        marks,
        words,
        loc="outside lower center",
        ncols=len(words),
        frameon=False,
        fontsize=LABEL,
    )


def no_ticks(axes: Axes) -> None:
    """Leave out the ticks of a picture."""
    axes.set(xticks=[], yticks=[])
