"""Colour of the first layer's kernels in finished runs, tower beside tower: record and report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np

from alexnet_jax.analysis import DRAWS, colour_index, combined_p, tower_contrast
from alexnet_jax.display import format_markdown
from alexnet_jax.inference import load_trained
from alexnet_jax.paper.trainings.table import Section
from alexnet_jax.paper.verdicts import interval

LEVEL = 0.05  # of p, below which a run counts as specialized
HEADS = (
    "towers of",
    "mean index",
    "difference by seed",
    "mean",
    "dealt at random",
    "p, all seeds",
    f"seeds with p < {LEVEL:g}",
)
LEGEND = (
    "Colour of the first layer's kernels: the share of a kernel's energy off the grey axis, 0 for "
    "a kernel that is blind to colour, 1 for one that is blind to grey, 2/3 for noise. The "
    "difference is that of the two towers' means, without its sign. Beside it stands the mean "
    "difference when the same kernels are dealt to two towers at random; p is the share of "
    "{draws:,} such deals whose difference is at least as large, for all seeds that of the sum of "
    "their differences."
)


class RunColour(TypedDict):
    """Colour index of the kernels of each tower of a run, [2, M], and their contrast."""

    training: str
    seed: int
    index: list[list[float]]
    difference: float
    chance: float
    p: float


class TrainingColour(TypedDict):
    """Mean index of a training's kernels, and p of all its runs together."""

    training: str
    index: float
    p: float


class Colour(TypedDict):
    """Colour of the kernels of several trainings' finished runs.

    `draws` is the number of random divisions in each test.
    """

    draws: int
    runs: list[RunColour]
    trainings: list[TrainingColour]


def colour_section(trainings: Sequence[str], compared: tuple[str, str]) -> Section:
    """Return the section about the colour of trainings' kernels, two of which are compared."""
    return Section(
        "colour", partial(measure_colour, trainings), partial(format_colour, compared=compared)
    )


def measure_colour(trainings: Sequence[str], finished: Mapping[str, Mapping[int, Path]]) -> Colour:
    """Measure the kernels of finished runs, the directories of which are given by seed."""
    runs = [
        _measure_run(training, seed, directory)
        for training in trainings
        for seed, directory in finished[training].items()
    ]
    return {"draws": DRAWS, "runs": runs, "trainings": list(_combined(trainings, runs))}


def _measure_run(training: str, seed: int, directory: Path) -> RunColour:
    kernel = np.asarray(load_trained(directory).params["conv1"]["kernel"])
    index = colour_index(kernel).reshape(2, -1)  # the maps of tower 0 come first
    contrast = tower_contrast(index)
    return {
        "training": training,
        "seed": seed,
        "index": np.round(index, 4).tolist(),
        "difference": round(contrast.difference, 4),
        "chance": round(contrast.chance, 4),
        "p": round(contrast.p, 5),
    }


def _combined(trainings: Sequence[str], runs: Sequence[RunColour]) -> Iterator[TrainingColour]:
    for training in trainings:
        indices = [np.array(run["index"]) for run in _of(runs, training)]
        if indices:
            yield {
                "training": training,
                "index": round(float(np.mean(indices)), 4),
                "p": round(combined_p(indices), 5),
            }


def _of(runs: Sequence[RunColour], training: str) -> list[RunColour]:
    return [run for run in runs if run["training"] == training]


def format_colour(colour: Colour, compared: tuple[str, str]) -> str:
    """Format the towers' differences, and how those of two trainings differ; "" without runs."""
    if not colour["runs"]:
        return ""
    rows = []
    for training in colour["trainings"]:
        runs = _of(colour["runs"], training["training"])
        sizes = [abs(run["difference"]) for run in runs]
        below = sum(run["p"] < LEVEL for run in runs)
        rows.append(
            (
                f"`{training['training']}`",
                f"{training['index']:.3f}",
                ", ".join(f"{size:.3f}" for size in sizes),
                f"{np.mean(sizes):.3f}",
                f"{np.mean([run['chance'] for run in runs]):.3f}",
                f"{training['p']:.2g}",
                f"{below} of {len(runs)}",
            )
        )
    table = format_markdown(HEADS, rows, left=1)
    parts = (table, LEGEND.format(draws=colour["draws"]), _compared(colour, *compared))
    return "\n\n".join(part for part in parts if part)


def _compared(colour: Colour, more: str, less: str) -> str:
    """Say by how much the towers of one training differ more than those of another, by seed."""
    sizes = [{run["seed"]: abs(run["difference"]) for run in _of(colour["runs"], name)}
             for name in (more, less)]  # fmt: skip
    pairs = [(size, sizes[1][seed]) for seed, size in sizes[0].items() if seed in sizes[1]]
    if not pairs:
        return ""
    mean, half = interval([a - b for a, b in pairs])
    spread = f" ± {half:.3f}" if len(pairs) > 1 else ""
    seeds = f"{len(pairs)} seeds" if len(pairs) > 1 else "one seed"
    return f"- Difference of the towers, `{more}` minus `{less}`: {mean:+.3f}{spread} ({seeds})"
