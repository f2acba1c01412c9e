"""Differences between trainings by seed, with their 95 % intervals, from their record alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from alexnet_jax.display import format_markdown
from alexnet_jax.paper.trainings.record import RunRecord, TrainingRecord, best_runs
from alexnet_jax.paper.trainings.table import MEASURES, Difference, Measure, Ratio, Table
from alexnet_jax.paper.verdicts import interval

Trainings = Mapping[str, TrainingRecord]
Pairs = Sequence[tuple[float, float]]  # of a measure, from two runs of the same seed


def list_differences(table: Table, trainings: Trainings) -> str:
    """List the differences and ratios of a table of which both runs are there, as Markdown."""
    lines = [_difference(one, trainings) for one in table.differences]
    lines += [_ratio(one, trainings) for one in table.ratios]
    return "\n".join(f"- {line}" for line in lines if line)


def _difference(one: Difference, trainings: Trainings) -> str:
    pairs = _paired(trainings[one.more]["runs"], trainings[one.less]["runs"], one.measure)
    if not pairs:
        return ""
    points = f"{_points(pairs)} points ({one.says}; {_seeds(pairs)})"
    return f"`{one.more}` minus `{one.less}`: {points}"


def _ratio(one: Ratio, trainings: Trainings) -> str:
    slow, fast = (best_runs(trainings[name]) for name in (one.slow, one.fast))
    pairs = _paired(slow, fast, "crossed")
    if not pairs:
        return ""
    mean, half = interval([math.log(a / b) for a, b in pairs])
    low, high = math.exp(mean - half), math.exp(mean + half) if half < 9 else math.inf
    spread = f" ({low:.2f} to {high:.2f})" if len(pairs) > 1 else ""
    return (
        f"{one.units[0]} takes {math.exp(mean):.2f}{spread} times as many epochs as {one.units[1]} "
        f"to 25 % training error, each at its best rate ({one.then}; {_seeds(pairs)})"
    )


def format_ablations(table: Table, trainings: Trainings) -> str:
    """Format the errors of a table's base minus those of each ablation, "" if there are none.

    A negative difference is one by which the ablation errs more.
    """
    rows = []
    for name in table.ablations:
        runs = trainings[table.base]["runs"], trainings[name]["runs"]
        pairs = [_paired(*runs, measure) for measure in table.measures]
        if any(pairs):
            cells = [_points(found) if found else "-" for found in pairs]
            rows.append((f"`{name}`", *cells, str(max(map(len, pairs)))))
    heads = (f"`{table.base}` minus", *(MEASURES[one] for one in table.measures), "seeds")
    return format_markdown(heads, rows, left=1) if rows else ""


def _paired(
    more: Sequence[RunRecord], less: Sequence[RunRecord], measure: Measure | Literal["crossed"]
) -> Pairs:
    """Return the pairs of a measure of two trainings' runs of the same seed."""
    others = {run["seed"]: _value(run, measure) for run in less}
    pairs = ((_value(run, measure), others.get(run["seed"])) for run in more)
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _value(run: RunRecord, measure: Measure | Literal["crossed"]) -> float | None:
    return run["crossed"] if measure == "crossed" else run.get(measure)


def _points(pairs: Pairs) -> str:
    """Return the mean of the differences and, of several, the half-width of its interval."""
    mean, half = interval([a - b for a, b in pairs])
    return f"{mean:+.2f}" + (f" ± {half:.2f}" if len(pairs) > 1 else "")


def _seeds(pairs: Pairs) -> str:
    return f"{len(pairs)} seeds" if len(pairs) > 1 else "one seed"
