"""Charts of the page: curves over steps, and weights by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from alexnet_jax.display import blank_figure
from alexnet_jax.reporting.svg import INK, MUTED, RUN_COLOURS, chart_style, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MARKERS, SIGNS = ("o", "s", "^", "D", "v", "P"), ("●", "■", "▲", "◆", "▼", "✚")
_WIDTH, _HEIGHT = 5.2, 3.1  # inches; a chart fills half of the page, or a phone

Holds = Literal["", "since", "until"]
_DRAWN: dict[Holds, str] = {"": "default", "since": "steps-pre", "until": "steps-post"}


@dataclass(frozen=True)
class Series:
    """Points of one run.

    Attributes:
      run: number of the run, which decides colour and marker.
      values: (step, value).
      tips: a text for each point that has a marker; () for a line without markers.
      holds: whether a value holds "since" the last point or "until" the next one; "" for neither.
    """

    run: int
    values: Sequence[tuple[float, float]]
    tips: Sequence[str] = ()
    holds: Holds = ""


def curve_chart(
    name: str,
    description: str,
    *,
    series: Sequence[Series],
    drops: Mapping[int, str],
    unit: str,
    logarithmic: bool = False,
) -> str:
    """Draw curves over steps: with markers the test split, thin lines the training batches.

    Args:
      drops: texts of vertical lines, by step.
      unit: label of the axis of values.
    """
    with chart_style():
        figure = blank_figure(_WIDTH, _HEIGHT)
        axes = figure.subplots()
        tips = {}
        for number, one in enumerate(series):
            steps, values = zip(*one.values, strict=True) if one.values else ((), ())
            colour, gid = RUN_COLOURS[one.run], f"points{number}"
            if one.tips:
                tips[gid] = one.tips
                axes.plot(steps, values, color=colour, marker=MARKERS[one.run], markersize=4.5,
                          linewidth=1.6, gid=gid, zorder=3)  # fmt: skip
            else:
                width, alpha = (1.6, 1.0) if one.holds else (1.0, 0.55)
                axes.plot(steps, values, color=colour, drawstyle=_DRAWN[one.holds],
                          linewidth=width, alpha=alpha)  # fmt: skip
        if logarithmic:
            axes.set_yscale("log")
            _powers(axes.yaxis)
        else:
            axes.set_ylim(bottom=0)
            _plain_numbers(axes.yaxis, "{:,g}")
        _mark_drops(axes, drops)
        axes.locator_params("x", nbins=6, integer=True)
        _plain_numbers(axes.xaxis, "{:,.0f}")
        axes.set(xlabel="step", ylabel=unit)
        axes.set_xlim(left=0)
        axes.grid(axis="y", linewidth=0.8)
        axes.set_axisbelow(True)
    return inline(figure, name, description, tips)


def _mark_drops(axes: Axes, drops: Mapping[int, str]) -> None:
    """Draw a dashed line for each drop, with its text where that does not meet the last one."""
    top, room, written = axes.get_xaxis_transform(), 0.07 * axes.get_xlim()[1], -np.inf
    for step, text in sorted(drops.items()):
        axes.axvline(step, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        if step - written > room:
            axes.text(step, 1.02, text, transform=top, ha="center", va="bottom", fontsize=8.5)
            written = step


def _plain_numbers(axis: Axis, form: str) -> None:
    """Label an axis with numbers as people write them, powers of ten included."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: form.format(value)))


def _powers(axis: Axis) -> None:
    """Label a logarithmic axis at 1, 2 and 5 times powers of ten; at these alone over decades."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,), numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    _plain_numbers(axis, "{:g}")


def layer_chart(
    name: str,
    description: str,
    *,
    layers: Sequence[str],
    rows: Sequence[tuple[int, Mapping[str, tuple[float, ...]]]],
    unit: str,
) -> str:
    """Draw values by layer on a logarithmic axis, a marker for each run.

    Args:
      layers: names of the layers, from the top.
      rows: for each run its number and its values by layer, one, or two: at the start, drawn
        hollow with a line to the second, and now.
    """
    with chart_style():
        figure = blank_figure(_WIDTH, 0.9 + 0.34 * len(layers))
        axes = figure.subplots()
        tips = {}
        for order, (run, values) in enumerate(rows):
            names = [layer for layer in layers if layer in values]
            shift = (order - (len(rows) - 1) / 2) * 0.6 / len(rows)
            heights = np.array([layers.index(layer) for layer in names]) + shift
            points = np.array([values[layer] for layer in names]).T
            for column, numbers in enumerate(points):
                gid, hollow = f"points{order}_{column}", column < len(points) - 1
                fill = "none" if hollow else RUN_COLOURS[run]
                axes.plot(numbers, heights, MARKERS[run], color=RUN_COLOURS[run], markersize=5,
                          markerfacecolor=fill, gid=gid, zorder=3)  # fmt: skip
                when = " at the start" if hollow else ""
                tips[gid] = [f"{n}: {v:.3g}{when}" for n, v in zip(names, numbers, strict=True)]
            if len(points) == 2:
                axes.hlines(heights, *points, color=RUN_COLOURS[run], linewidth=1.2)
        axes.set_xscale("log")
        _powers(axes.xaxis)
        axes.set_yticks(range(len(layers)), layers, color=INK)
        axes.set(xlabel=unit, ylim=(len(layers) - 0.5, -0.5))
        axes.grid(axis="x", linewidth=0.8)
        axes.set_axisbelow(True)
    return inline(figure, name, description, tips)
