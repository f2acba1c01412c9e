"""Picture of the outcomes of the claims, as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.display import blank_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, OTHER = "#b5341b", "#5b7083"


def outcomes_picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Draw each claim's two variants side by side: a dot for each seed, a bar for their mean.

    Args:
      rows: rows from `report.outcome_row`; null values, which were not reached, have no dot.
      title: title of the figure.
    """
    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure = blank_figure(3.1 * columns, 2.7 * lines + 0.5, wspace=0.06)
    panels = np.atleast_1d(figure.subplots(lines, columns, squeeze=False)).ravel()
    for axes, row in zip(panels, rows, strict=False):
        _panel(axes, row)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    figure.suptitle(title)
    return figure


def _panel(axes: Any, row: dict[str, Any]) -> None:
    """Draw the two variants of one claim."""
    names = []
    for bar, (side, colour) in enumerate((("ours", OURS), ("other", OTHER))):
        values = [value for value in row[side]["values"] if value is not None]
        names.append(row[side]["name"].replace("_", "\n"))
        if values:
            axes.bar(bar, np.mean(values), 0.62, color=colour, alpha=0.3)
            spread = np.linspace(-0.1, 0.1, len(values)) if len(values) > 1 else np.zeros(1)
            axes.plot(bar + spread, values, "o", color=colour, markersize=4)
        missing = len(row[side]["values"]) - len(values)
        if missing:
            axes.text(bar, 0, f"{missing} not\nreached", ha="center", va="bottom", fontsize=7)
    axes.set_xticks([0, 1], names, fontsize=8)
    axes.set_xlim(-0.6, 1.6)
    axes.set_ylim(0, None)
    unit = "updates" if row["unit"] == "ratio" else row["unit"]
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_title(f"{row['claim']}\n{row['verdict']}", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
