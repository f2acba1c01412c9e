"""Pictures of the trainings, drawn from their record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexnet_jax.display import blank_figure, style
from alexnet_jax.paper.cifar.record import Record, best_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(record: Record) -> Figure:
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
    axes.set(xlabel="epochs", ylabel="test error (%)", ylim=(0, 70), title=_title(record))
    axes.grid(alpha=0.25)
    if trainings:
        axes.legend(frameon=False, fontsize=8, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figure1(record: Record) -> Figure:
    """Draw the paper's figure 1: training error over epochs, ReLU solid, tanh dashed.

    Each with its best rate, a line a seed, and a line at 25 %.
    """
    figure = blank_figure(6.0, 4.2)
    axes = figure.subplots()
    races = {one["name"]: one for one in record["trainings"] if one["rates"]}
    for name, dashes in (("relu", "-"), ("tanh", "--")):
        for position, run in enumerate(best_runs(races[name])):
            epochs, errors = ([point[axis] / scale for point in run["train_curve"]]
                              for axis, scale in ((0, 1), (1, 100)))  # fmt: skip
            label = f"{name}, rate {run['rate']:g}" if position == 0 else None
            axes.plot(epochs, errors, dashes, color="black", linewidth=1.1, label=label)
    axes.axhline(0.25, color="black", linewidth=0.8, linestyle=":")
    axes.set(xlabel="epochs", ylabel="training error rate", ylim=(0, 0.75), title=_title(record))
    axes.set_xlim(0, None)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _title(record: Record) -> str:
    note = record["data"]["note"]
    return f"CIFAR-10 ({note})" if note else f"{record['data']['name']}"
