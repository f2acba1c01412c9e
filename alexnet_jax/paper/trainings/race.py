"""Races of learning rates to 25 % training error, as for the paper's figure 1.

Runs of all rates advance side by side, from the first seed, until one of them has got there; its
rate is the best. While the best is the largest or smallest rate, twice or half of it joins. All
seeds are then trained at the best rate. A run whose loss is no number, or stays at chance, is out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from alexnet_jax.paper.measures import THRESHOLD
from alexnet_jax.paper.trainings.plan import Plan, Run
from alexnet_jax.paper.trainings.table import Training
from alexnet_jax.runs import Line, TrainConfig

Advance = Callable[[Run, int], None]


class Window(NamedTuple):
    """Average of consecutive training metrics.

    Attributes:
      step: mean of their steps.
      last: last of their steps.
      error: mean of the errors of their batches, in [0, 1].
    """

    step: float
    last: int
    error: float


def window_lines(config: TrainConfig) -> int:
    """Return the number of lines of training metrics in an average: those of one evaluation's."""
    return max(1, config.evaluate_every // config.log_every)


def windows(lines: Sequence[Line], length: int) -> Iterator[Window]:
    """Yield the averages over every `length` consecutive lines of training metrics, in order.

    The error of a batch is measured before its update.
    """
    trained = [line for line in lines if line.get("split") == "train"]
    steps = np.array([line["step"] for line in trained])
    errors = np.array([1 - line["top1"] for line in trained])
    for end in range(length, len(trained) + 1):
        part = slice(end - length, end)
        yield Window(float(steps[part].mean()), int(steps[end - 1]), float(errors[part].mean()))


def crossing(lines: Sequence[Line], config: TrainConfig) -> Window | None:
    """Return the first average of the training error that is at most 25 %, or None."""
    averages = windows(lines, window_lines(config))
    return next((window for window in averages if window.error <= THRESHOLD), None)


def best_rate(training: Training, plan: Plan, rates: Sequence[float]) -> float | None:
    """Return the rate whose run of the first seed got to 25 % first, or None if none did."""
    seed = plan.seeds_of(training)[0]
    steps = {rate: _crossed(Run(training, seed, rate), plan) for rate in rates}
    best = min(rates, key=lambda rate: steps[rate][0])
    return best if math.isfinite(steps[best][0]) else None


def run_race(training: Training, plan: Plan, advance: Advance) -> None:
    """Find the best rate of a training, and train all its seeds with it.

    Args:
      advance: trains a run to a number of updates; does nothing if it has made them, or failed.
    """
    seeds, rates = plan.seeds_of(training), plan.rates(training)
    while True:
        _side_by_side([Run(training, seeds[0], rate) for rate in rates], plan, advance)
        best = best_rate(training, plan, rates)
        if best is None:
            return
        if min(rates) < best < max(rates):
            break
        rates.append(float(f"{best * 2 if best == max(rates) else best / 2:g}"))
    for seed in seeds[1:]:
        _side_by_side([Run(training, seed, best)], plan, advance)


def _side_by_side(runs: Sequence[Run], plan: Plan, advance: Advance) -> None:
    """Advance runs from evaluation to evaluation until one got to 25 %, or to their last step."""
    config = plan.config(runs[0])
    last = config.steps
    for steps in [*range(config.evaluate_every, last, config.evaluate_every), last]:
        for run in runs:
            advance(run, steps)
        if min(_crossed(run, plan)[1] for run in runs) <= steps:
            return


def _crossed(run: Run, plan: Plan) -> tuple[float, float]:
    """Return the (mean, last) step of the average at which a run got to 25 %; infinite if none."""
    found = crossing(plan.lines(run), plan.config(run))
    return (math.inf, math.inf) if found is None else (found.step, found.last)
