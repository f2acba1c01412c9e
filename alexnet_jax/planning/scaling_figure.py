"""Picture of predicted weak and strong scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from alexnet_jax.display import blank_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Step(Protocol):
    """Field of a `cost_model.Step` that the picture shows."""

    @property
    def devices(self) -> int: ...


class Row(Protocol):
    """Fields of a `scaling.Row` that the picture shows."""

    @property
    def scaling(self) -> str: ...
    @property
    def topology(self) -> str: ...
    @property
    def step(self) -> Step: ...
    @property
    def efficiency(self) -> tuple[float, float]: ...


def efficiency_picture(rows: Sequence[Row], titles: dict[str, str], title: str) -> Figure:
    """Draw the efficiency over the number of devices, a panel for each kind of scaling.

    Each topology has a band between its bounds: computing and exchange do not overlap (solid line)
    or overlap completely (dashed line).

    Args:
      rows: rows of all tables.
      titles: titles of the panels, by the rows' `scaling`.
      title: title of the figure.
    """
    figure = blank_figure(11, 4.8)
    panels = figure.subplots(1, len(titles), sharey=True, squeeze=False)[0]
    top = 3 + max(100, *(100 * share for row in rows for share in row.efficiency))
    topologies = list(dict.fromkeys(row.topology for row in rows))
    for axes, (scaling, panel) in zip(panels, titles.items(), strict=True):
        for topology in topologies:
            colour = style.TOPOLOGIES[topology]
            band = [row for row in rows if (row.scaling, row.topology) == (scaling, topology)]
            _band(axes, band, colour)
        counts = sorted({row.step.devices for row in rows})
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts[::2], [f"{count:,}" for count in counts[::2]], fontsize=9)
        axes.minorticks_off()
        axes.set(title=panel, xlabel="devices", ylim=(0, top))
        style.open_frame(axes, grid=True)
    panels[0].set_ylabel("% of the rate of as many single devices")
    _legend(figure, topologies)
    figure.suptitle(title, fontsize=style.HEADING)
    return figure


def _legend(figure: Figure, topologies: Sequence[str]) -> None:
    """Explain colours and lines below the panels: a colour a topology, a line a bound."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=style.TOPOLOGIES[name], lw=2, marker="o", ms=3.5)
        for name in topologies
    ]
    lines += [Line2D([], [], color=style.INK, lw=2), Line2D([], [], color=style.INK, lw=1, ls="--")]
    words = [*topologies, "computing, then exchanging", "exchange hidden behind computing"]
    style.legend_below(figure, lines, words)


def _band(axes: Axes, rows: Sequence[Row], colour: str) -> None:
    counts = [row.step.devices for row in rows]
    apart, hidden = ([100 * row.efficiency[bound] for row in rows] for bound in (0, 1))
    axes.fill_between(counts, apart, hidden, color=colour, alpha=0.15, lw=0)
    axes.plot(counts, apart, color=colour, lw=2, marker="o", ms=3.5)
    axes.plot(counts, hidden, color=colour, lw=1, ls="--")
