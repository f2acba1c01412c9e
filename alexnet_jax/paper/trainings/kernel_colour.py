"""Colour of the first layer's kernels in finished runs, tower beside tower: record and report.

Initial values are noise, which a short training with a small rate hardly changes: they may be most
of a kernel's energy. What training has added is therefore measured beside the kernels themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np

from alexnet_jax.analysis import DRAWS, colour_index, combined_p, tower_contrast
from alexnet_jax.display import format_markdown
from alexnet_jax.inference import load_trained
from alexnet_jax.paper.trainings.table import Section
from alexnet_jax.paper.verdicts import interval
from alexnet_jax.training import init_state

Part = Literal["added", "kernels"]
PARTS: dict[Part, str] = {"added": "what training added", "kernels": "kernels"}

LEVEL = 0.05  # of p, below which a run counts as specialized
HEADS = (
    "towers of",
    "",
    "mean index",
    "difference by seed",
    "mean",
    "dealt at random",
    "p, all seeds",
    f"seeds with p < {LEVEL:g}",
)
LEGEND = (
    "Colour of the first layer's kernels, and of what training added to their initial values: the "
    "share of the energy off the grey axis, 0 for a kernel that is blind to colour, 1 for one that "
    "is blind to grey, 2/3 for noise. The difference is that of the two towers' means, without its "
    "sign. Beside it stands the mean difference when the same kernels are dealt to two towers at "
    "random; p is the share of {draws:,} such deals whose difference is at least as large, for all "
    "seeds that of the sum of their differences."
)


class RunColour(TypedDict):
    """Colour index of the kernels of each tower of a run, [2, M], and their contrast."""

    training: str
    seed: int
    part: Part
    index: list[list[float]]
    difference: float
    chance: float
    p: float


class TrainingColour(TypedDict):
    """Mean index of a training's kernels, and p of all its runs together."""

    training: str
    part: Part
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
        run
        for training in trainings
        for seed, directory in finished[training].items()
        for run in _measure_run(training, seed, directory)
    ]
    combined = [one for part in PARTS for one in _combined(trainings, runs, part)]
    return {"draws": DRAWS, "runs": runs, "trainings": combined}


def _measure_run(training: str, seed: int, directory: Path) -> Iterator[RunColour]:
    trained = load_trained(directory)
    initial = init_state(trained.architecture, trained.config, trained.topology)
    kernel, before = (np.asarray(one.params["conv1"]["kernel"]) for one in (trained, initial))
    weights: dict[Part, np.ndarray] = {"added": kernel - before, "kernels": kernel}
    for part, values in weights.items():
        index = colour_index(values).reshape(2, -1)  # the maps of tower 0 come first
        contrast = tower_contrast(index)
        yield {
            "training": training,
            "seed": seed,
            "part": part,
            "index": np.round(index, 4).tolist(),
            "difference": round(contrast.difference, 4),
            "chance": round(contrast.chance, 4),
            "p": round(contrast.p, 5),
        }


def _combined(
    trainings: Sequence[str], runs: Sequence[RunColour], part: Part
) -> Iterator[TrainingColour]:
    for training in trainings:
        indices = [np.array(run["index"]) for run in runs_of(runs, training, part)]
        if indices:
            yield {
                "training": training,
                "part": part,
                "index": round(float(np.mean(indices)), 4),
                "p": round(combined_p(indices), 5),
            }


def runs_of(runs: Sequence[RunColour], training: str, part: Part) -> list[RunColour]:
    """Return the runs of a training, with what was measured of a part of their kernels."""
    return [run for run in runs if (run["training"], run["part"]) == (training, part)]


def format_colour(colour: Colour, compared: tuple[str, str]) -> str:
    """Format the towers' differences, and how those of two trainings differ; "" without runs."""
    if not colour["runs"]:
        return ""
    rows = []
    for training in colour["trainings"]:
        runs = runs_of(colour["runs"], training["training"], training["part"])
        sizes = [abs(run["difference"]) for run in runs]
        below = sum(run["p"] < LEVEL for run in runs)
        rows.append(
            (
                f"`{training['training']}`",
                PARTS[training["part"]],
                f"{training['index']:.3f}",
                ", ".join(f"{size:.3f}" for size in sizes),
                f"{np.mean(sizes):.3f}",
                f"{np.mean([run['chance'] for run in runs]):.3f}",
                f"{training['p']:.2g}",
                f"{below} of {len(runs)}",
            )
        )
    table = format_markdown(HEADS, rows, left=2)
    lines = [_compared(colour, part, *compared) for part in PARTS]
    parts = (table, LEGEND.format(draws=colour["draws"]), "\n".join(filter(None, lines)))
    return "\n\n".join(part for part in parts if part)


def _compared(colour: Colour, part: Part, more: str, less: str) -> str:
    """Say by how much the towers of one training differ more than those of another, by seed."""
    ours, other = (
        {run["seed"]: abs(run["difference"]) for run in runs_of(colour["runs"], name, part)}
        for name in (more, less)
    )
    values = [size - other[seed] for seed, size in ours.items() if seed in other]
    if not values:
        return ""
    mean, half = interval(values)
    spread, seeds = (f" ± {half:.3f}", f"{len(values)} seeds")
    if len(values) == 1:
        spread, seeds = "", "one seed"
    return (
        f"- Difference of the towers, {PARTS[part]}, `{more}` minus `{less}`: "
        f"{mean:+.3f}{spread} ({seeds})"
    )
