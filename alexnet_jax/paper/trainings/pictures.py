"""Pictures of the trainings, drawn from their record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.analysis import NOISE
from alexnet_jax.display import blank_figure, style
from alexnet_jax.paper.trainings.kernel_colour import PARTS, Colour, RunColour, runs_of
from alexnet_jax.paper.trainings.record import Record, best_runs
from alexnet_jax.paper.trainings.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOWERS = ("#5b7083", "#b5341b")
WORDS = ("less colourful tower", "more colourful tower")


def learning_curves(table: Table, record: Record) -> Figure:
    """Draw the centre view's test error over epochs: a line for a run, a colour for a training."""
    figure = blank_figure(8.5, 4.8)
    axes = figure.subplots()
    trainings = [one for one in record["trainings"] if one["runs"] and not one["rates"]]
    for number, training in enumerate(trainings):
        colour = style.SERIES[number % len(style.SERIES)]
        dashes = "--" if training["library"] == "torch" else "-"
        for position, run in enumerate(training["runs"]):
            points = run["test_curve"]
            label = training["name"] if position == 0 else None
            epochs, errors = ([point[axis] for point in points] for axis in (0, 1))
            axes.plot(epochs, errors, dashes, color=colour, linewidth=1.1, label=label)
    axes.set(xlabel="epochs", ylabel="test error (%)", ylim=(0, None), title=_title(table, record))
    axes.grid(alpha=0.25)
    if trainings:
        axes.legend(frameon=False, fontsize=8, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figure1(table: Table, record: Record) -> Figure:
    """Draw the paper's figure 1: training error over epochs, the fast units solid, the slow dashed.

    Each with its best rate, a line a seed, and a line at 25 %. The units are those of the table's
    first ratio.
    """
    figure = blank_figure(6.0, 4.2)
    axes = figure.subplots()
    races = {one["name"]: one for one in record["trainings"] if one["rates"]}
    ratio = table.ratios[0]
    for name, dashes in ((ratio.fast, "-"), (ratio.slow, "--")):
        for position, run in enumerate(best_runs(races[name])):
            epochs, errors = ([point[axis] / scale for point in run["train_curve"]]
                              for axis, scale in ((0, 1), (1, 100)))  # fmt: skip
            label = f"{name}, rate {run['rate']:g}" if position == 0 else None
            axes.plot(epochs, errors, dashes, color="black", linewidth=1.1, label=label)
    axes.axhline(0.25, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="epochs", ylabel="training error rate", title=_title(table, record))
    axes.set(xlim=(0, None), ylim=(0, 0.75))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def kernel_colours(table: Table, record: Record) -> Figure:
    """Draw the colour index of every kernel of both towers, for each run that has it.

    Above it is that of what training has added, below that of the kernels themselves. The kernels
    of a tower stand side by side from the least colourful to the most, with a line at their mean;
    the tower with the lower mean stands on the left. A dotted line marks the index of noise.
    """
    none: Colour = {"draws": 0, "runs": [], "trainings": []}
    colour: Colour = record.get("sections", {}).get("colour", none)
    figure = blank_figure(2.6 + 0.4 * max(8, len(colour["runs"])), 6.4)
    for axes, part in zip(figure.subplots(2, 1), PARTS, strict=True):
        place, ticks = 0.0, dict[float, str]()
        for name in dict.fromkeys(one["training"] for one in colour["trainings"]):
            runs = runs_of(colour["runs"], name, part)
            axes.text(place + (len(runs) - 1) / 2, 1.03, name, ha="center", va="bottom")
            for run in runs:
                _draw_towers(axes, place, run, labelled=not ticks)
                ticks[place] = f"seed {run['seed']}\np {run['p']:.2g}"
                place += 1
            place += 0.6
        axes.axhline(NOISE, color="#777777", linewidth=0.8, linestyle=":", zorder=0)
        axes.set_xticks(list(ticks), list(ticks.values()), fontsize=8)
        axes.set(ylim=(0, 1), ylabel=f"colour index,\n{PARTS[part]}")
        axes.tick_params(axis="x", length=0)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(f"conv1's kernels: {_title(table, record)}", fontsize=11)
    return figure


def _draw_towers(axes: Any, place: float, run: RunColour, labelled: bool) -> None:
    """Draw the kernels of both towers of a run, sorted, on either side of a place."""
    towers = sorted(run["index"], key=np.mean)
    for side, colour, words, index in zip((-0.21, 0.21), TOWERS, WORDS, towers, strict=True):
        middle = place + side
        across = np.linspace(middle - 0.17, middle + 0.17, len(index))
        label = words if labelled else None
        axes.plot(across, sorted(index), ".", color=colour, markersize=3.5, label=label)
        axes.plot([middle - 0.19, middle + 0.19], [np.mean(index)] * 2, color=colour, linewidth=2)


def _title(table: Table, record: Record) -> str:
    note = record["data"]["note"]
    return f"{table.title} ({note})" if note else f"{record['data']['name']}"
