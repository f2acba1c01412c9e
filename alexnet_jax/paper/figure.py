"""Picture of the claims' outcomes, as a matplotlib figure drawn from their record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alexnet_jax.display import blank_figure, style
from alexnet_jax.paper.record import Record, Row
from alexnet_jax.paper.verdicts import MARGINS, Kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS: dict[Kind, str] = {
    "shown": style.GREEN,
    "opposite": style.RED,
    "small": style.BLUE,
    "undecided": style.GREY,
    "none": style.GREY,
}
AXES = {
    "% wrong": "points of error, other - ours (to the right, ours is better)",
    "nats": "nats, other - ours",
    "ratio": "updates, other / ours (to the right, ours is faster)",
}
PUBLISHED: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markerfacecolor": "none",
    "markeredgecolor": style.INK,
}
BAND = style.FAINT


def forest_plot(record: Record) -> Figure:
    """Draw a line for each claim: the 95 % interval, its mean, and the published value.

    Points of error, nats and ratios have axes of their own, of which the last is logarithmic; a
    band marks the differences that count as none. Colours and words are those of the verdicts.
    """
    groups = {
        unit: [row for row in record["claims"] if row["unit"] == unit]
        for unit in AXES
        if any(row["unit"] == unit for row in record["claims"])
    }
    heights = [len(rows) + 0.2 for rows in groups.values()]
    figure = blank_figure(9.0, 1.0 + 0.29 * sum(heights) + 0.55 * len(heights))
    panels = figure.subplots(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (unit, rows) in zip(panels, groups.items(), strict=True):
        _panel(axes, unit, rows)
    figure.suptitle(_title(record), fontsize=style.HEADING)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found = Line2D([], [], color=style.INK, marker="o", linewidth=2.2)
    published = Line2D([], [], **PUBLISHED)
    marks = {
        "found here, with its 95 % interval": found,
        "published": published,
        "within a point, .1 nats, a factor of 1.1": Patch(color=BAND),
    }
    style.legend_below(figure, list(marks.values()), list(marks))


def _title(record: Record) -> str:
    counts = sorted({len(row["seeds"]) for row in record["claims"]})
    seeds = f"{' or '.join(map(str, counts))} {'seed' if counts == [1] else 'seeds'}"
    if record["scale"] == "quick":
        return f"A check that everything runs, {seeds}: decides nothing"
    note = f" ({record['data']['note']})" if record["data"]["note"] else ""
    return f"The paper's claims on {record['data']['name']}{note}, {seeds}"


def _panel(axes: Any, unit: str, rows: Sequence[Row]) -> None:
    """Draw the claims of one unit, the first at the top."""
    from math import exp

    from matplotlib.ticker import LogLocator, NullLocator

    limit = MARGINS[unit].limit
    same = 1.0 if unit == "ratio" else 0.0
    band = (1 / exp(limit), exp(limit)) if unit == "ratio" else (-limit, limit)
    axes.axvspan(*band, color=BAND, zorder=0)
    axes.axvline(same, color=style.GREY, linewidth=0.8, zorder=1)
    for position, row in enumerate(rows):
        _line(axes, position, row)
    if unit == "ratio":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("x{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, band[0]), max(high, band[1]))
    axes.set_yticks(range(len(rows)), [row["claim"] for row in rows], fontsize=style.LABEL)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(AXES[unit], fontsize=style.LABEL)
    axes.tick_params(axis="x", labelsize=style.NOTE)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _line(axes: Any, position: int, row: Row) -> None:
    """Draw the interval, the mean and the published value of a claim, with its verdict in words."""
    colour = COLOURS[row["kind"]]
    if row["low"] is not None and row["high"] is not None:
        axes.plot([row["low"], row["high"]], [position] * 2, color=colour, linewidth=2.2, zorder=2)
    if row["mean"] is not None:
        axes.plot(row["mean"], position, "o", color=colour, markersize=5.5, zorder=3)
    if row["expected"] is not None:
        axes.plot(row["expected"], position, markersize=6, zorder=4, **PUBLISHED)
    axes.annotate(
        row["verdict"],
        (1.01, position),
        xycoords=("axes fraction", "data"),
        color=colour,
        fontsize=style.LABEL,
        va="center",
    )
