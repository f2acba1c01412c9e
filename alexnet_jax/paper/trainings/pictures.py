"""Pictures of the trainings, drawn from their record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.analysis import NOISE
from alexnet_jax.display import blank_figure, style
from alexnet_jax.paper.trainings.kernel_colour import PARTS, Colour, RunColour, runs_of
from alexnet_jax.paper.trainings.record import Record, TrainingRecord, best_runs
from alexnet_jax.paper.trainings.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = ("less colourful tower", "more colourful tower")


def learning_curves(table: Table, record: Record) -> Figure:
    """Draw the centre view's test error over epochs: a line for a run, a colour for a training.

    Trainings by PyTorch are dashed.
    """
    figure = blank_figure(8.5, 4.8)
    axes = figure.subplots()
    trainings = [one for one in record["trainings"] if one["runs"] and not one["rates"]]
    for number, training in enumerate(trainings):
        colour = style.SERIES[number % len(style.SERIES)]
        dashes = "--" if training["library"] == "torch" else "-"
        for position, run in enumerate(training["runs"]):
            points = run["test_curve"]
            label = _label(training) if position == 0 else None
            epochs, errors = ([point[axis] for point in points] for axis in (0, 1))
            axes.plot(epochs, errors, dashes, color=colour, linewidth=1.3, label=label)
    axes.set(xlabel="epochs", ylabel="test error of the centre view (%)", ylim=(0, None))
    style.open_frame(axes, grid=True)
    if trainings:
        axes.legend(frameon=False, fontsize=style.LABEL, ncols=2)
    figure.suptitle(_title(table, record), fontsize=style.HEADING)
    return figure


def _label(training: TrainingRecord) -> str:
    count = len(training["runs"])
    library = ", PyTorch" if training["library"] == "torch" else ""
    return f"{training['name']}{library}, {count} {'run' if count == 1 else 'runs'}"


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
            axes.plot(epochs, errors, dashes, color=style.INK, linewidth=1.3, label=label)
    axes.axhline(0.25, color=style.INK, linewidth=0.8, linestyle=":", label="25 % wrong")
    axes.set(xlabel="epochs", ylabel="training error rate", xlim=(0, None), ylim=(0, 0.75))
    axes.legend(frameon=False, fontsize=style.LABEL)
    style.open_frame(axes)
    figure.suptitle(_title(table, record), fontsize=style.HEADING)
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
        axes.axhline(
            NOISE, color=style.GREY, linewidth=0.8, linestyle=":", zorder=0, label="noise alone"
        )
        axes.set_xticks(list(ticks), list(ticks.values()), fontsize=style.NOTE)
        axes.set(ylim=(0, 1), ylabel=f"colour index,\n{PARTS[part]}")
        axes.tick_params(axis="x", length=0)
        style.open_frame(axes)
    style.legend_below(figure, *axes.get_legend_handles_labels())
    figure.suptitle(f"conv1's kernels: {_title(table, record)}", fontsize=style.HEADING)
    return figure


def _draw_towers(axes: Any, place: float, run: RunColour, labelled: bool) -> None:
    """Draw the kernels of both towers of a run, sorted, on either side of a place."""
    towers = sorted(run["index"], key=np.mean)
    for side, colour, words, index in zip(
        (-0.21, 0.21), style.TOWERS[::-1], WORDS, towers, strict=True
    ):
        middle = place + side
        across = np.linspace(middle - 0.17, middle + 0.17, len(index))
        label = words if labelled else None
        axes.plot(across, sorted(index), ".", color=colour, markersize=3.5, label=label)
        axes.plot([middle - 0.19, middle + 0.19], [np.mean(index)] * 2, color=colour, linewidth=2)


def _title(table: Table, record: Record) -> str:
    note = record["data"]["note"]
    return f"{table.title} ({note})" if note else f"{record['data']['name']}"
