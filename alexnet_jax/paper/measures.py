"""Measures of finished runs: errors, the gap between test and training, and numbers of updates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data import Split
from alexnet_jax.inference import Trained, ensemble, evaluate, load_trained, make_counter
from alexnet_jax.paper.claims import Claim, Variant
from alexnet_jax.paper.runs import Plan, failed, last_error, read_lines
from alexnet_jax.runs import Line
from alexnet_jax.training import Job

THRESHOLD = 0.25  # training error in the paper's figure 1
STARTED = 0.9  # share of the loss at chance, log(classes)
MEMBERS = 5  # networks in the paper's ensemble
SMOOTHED = 5  # lines of training metrics in an average
_BATCH = 128


@dataclass(frozen=True)
class Outcome:
    """Measures of a claim's two variants for each seed.

    A measure is infinite if it was not reached, and no number if the training failed.
    """

    claim: Claim
    seeds: tuple[int, ...]
    ours: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def compared(self) -> tuple[float, ...]:
        """Return other - ours (or other / ours) of each seed."""
        return tuple(map(self.claim.compared, self.ours, self.other))


def measure_claims(claims: Iterable[Claim], plan: Plan) -> list[Outcome]:
    """Measure every claim, on the seeds from which both of its variants have come to an end."""
    return [measure_claim(claim, plan) for claim in claims]


def measure_claim(claim: Claim, plan: Plan) -> Outcome:
    """Measure a claim; an ensemble, and each network beside it, on at most five seeds."""
    sides = (claim.ours, claim.other)
    seeds = tuple(s for s in plan.seeds if all(plan.finished(side, s) for side in sides))
    if any(side.measure == "ensemble" for side in sides):
        seeds = seeds[:MEMBERS]
    ours, other = (_measured(side, plan, seeds) for side in sides)
    return Outcome(claim, seeds, ours, other)


def _measured(variant: Variant, plan: Plan, seeds: Sequence[int]) -> tuple[float, ...]:
    """Return the measure of a variant's run for each seed."""
    directories = [plan.directory(variant, seed) for seed in seeds]
    if not directories:
        return ()
    if variant.measure == "ensemble":
        if any(map(failed, directories)):
            return (math.nan,) * len(seeds)
        scores = evaluated([load_trained(d) for d in directories], _job(variant, plan))
        return (100 * (1 - scores["top1"]),) * len(seeds)
    return tuple(
        math.nan if failed(directory) else _measure(variant, plan, directory)
        for directory in directories
    )


def _measure(variant: Variant, plan: Plan, directory: Path) -> float:
    """Return the measure of one finished run."""
    match variant.measure:
        case "updates":
            return updates_to_threshold(read_lines(directory))
        case "start":
            classes = len(_job(variant, plan).dataset.class_names)
            return updates_to_start(read_lines(directory), classes)
        case "ten_views":
            scores = evaluated([load_trained(directory)], _job(variant, plan), views=10)
            return 100 * (1 - scores["top1"])
        case "gap":
            return _gap(load_trained(directory), _job(variant, plan))
        case _:
            return last_error(directory)


def _job(variant: Variant, plan: Plan) -> Job:
    return Job.make(plan.config(variant, plan.seeds[0]))


def _gap(trained: Trained, job: Job) -> float:
    """Return the test loss minus the loss of up to 10,000 training images, both in test mode."""
    train, count = job.dataset.train, min(len(job.dataset.train), 10_000)
    rows = np.linspace(0, len(train) - 1, count).astype(int)
    part = Split(train.images[rows], train.labels[rows])
    losses = [evaluated([trained], job, split=split)["loss"] for split in (job.dataset.test, part)]
    return losses[0] - losses[1]


def evaluated(
    members: list[Trained], job: Job, *, views: int = 1, split: Split | None = None
) -> dict[str, float]:
    """Evaluate an ensemble on a split, by default the test split."""
    logits_of = ensemble([member.logits(views) for member in members])
    params: Any = [member.params for member in members]
    statistics: Any = [member.statistics for member in members]
    return evaluate(
        make_counter(logits_of),
        params,
        job.dataset.test if split is None else split,
        statistics,
        batch=members[0].topology.divisible(max(1, _BATCH // views)),
        topology=members[0].topology,
    )


def updates_to_threshold(lines: Sequence[Line]) -> float:
    """Return the first step at which the training error, averaged over five lines, is at most 25 %.

    It is infinite if the error never falls so far.
    """
    trained = [line for line in lines if line.get("split") == "train"]
    return _first_below([1 - line["top1"] for line in trained], trained, THRESHOLD)


def updates_to_start(lines: Sequence[Line], classes: int) -> float:
    """Return the first step at which the training loss, averaged over five lines, is at most
    .9 log(classes), nine tenths of that of a network that knows nothing; infinite if none is.
    """
    trained = [line for line in lines if line.get("split") == "train"]
    return _first_below([line["loss"] for line in trained], trained, STARTED * math.log(classes))


def _first_below(values: Sequence[float], lines: Sequence[Line], limit: float) -> float:
    for end in range(SMOOTHED, len(values) + 1):
        if np.mean(values[end - SMOOTHED : end]) <= limit:
            return float(lines[end - 1]["step"])
    return math.inf
