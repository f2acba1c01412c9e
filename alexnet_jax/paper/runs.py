"""Runs of variants, each trained once for all claims that look at it, and what they measured."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from alexnet_jax.data import Split
from alexnet_jax.display import duration
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained, ensemble, evaluate, load_trained, make_counter
from alexnet_jax.paper.claims import Claim, Scale, Variant
from alexnet_jax.runs import Line, MetricsFile, TrainConfig, read_settings
from alexnet_jax.training import Console, Job, Silence, fit

THRESHOLD = 0.25  # training error of the paper's figure 1
SMOOTHED = 5  # lines of training metrics
_BATCH = 128
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """At which scale, on what, from which seeds, and where runs are kept."""

    scale: Scale
    seeds: tuple[int, ...]
    workdir: Path
    changes: dict[str, str] = dataclasses.field(default_factory=dict)

    def config(self, variant: Variant, seed: int) -> TrainConfig:
        """The run of a variant from a seed; it starts from that seed's run of its `first`."""
        config = variant.config(self.scale, self.changes, seed)
        if variant.first is None:
            return config
        return dataclasses.replace(config, start_from=str(self.directory(variant.first, seed)))

    def directory(self, variant: Variant, seed: int) -> Path:
        return self.workdir / variant.run(self.scale) / str(seed)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a claim's two variants measured: a number a seed, infinite where it was not reached."""

    claim: Claim
    ours: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def compared(self) -> tuple[float, ...]:
        """other - ours (or other / ours) of each seed."""
        return tuple(map(self.claim.compared, self.ours, self.other))


def variants_of(claims: Sequence[Claim], scale: Scale) -> list[Variant]:
    """All that have to be trained at a scale, each once, after those that they start from.

    Raises:
      InputError: two different variants of one name.
    """
    found: dict[str, Variant] = {}
    for variant in (v for claim in claims for v in (claim.ours, claim.other)):
        for one in (variant,) if variant.first is None else (variant.first, variant):
            same = found.setdefault(one.run(scale), one)
            if same.at(scale) != one.at(scale):
                raise InputError(f"two different variants are called {one.name}")
    return list(found.values())


def check(claims: Sequence[Claim], plan: Plan) -> None:
    """Raises InputError where a run could not be made, before the first of them is begun."""
    for variant in variants_of(claims, plan.scale):
        Job.make(plan.config(variant, plan.seeds[0]))


def train_all(claims: Sequence[Claim], plan: Plan, console: Console | None, say: Say) -> None:
    """Trains every variant from every seed; a run that is finished is left as it is.

    Args:
      console: told of the progress within each run; None for none.
      say: told of each run.
    """
    pairs = [(variant, seed) for seed in plan.seeds for variant in variants_of(claims, plan.scale)]
    began, trained = perf_counter(), 0
    for place, (variant, seed) in enumerate(pairs, 1):
        directory, config = plan.directory(variant, seed), plan.config(variant, seed)
        here = f"run {place} of {len(pairs)}: {variant.run(plan.scale)}, seed {seed}"
        if finished(directory, config):
            say(f"{here}: there already")
            continue
        if console is not None:
            say(here)
        fit(config, directory, console or Silence())
        trained += 1
        spent = perf_counter() - began
        left = duration(spent / trained * (len(pairs) - place))
        say(f"{here}: {_error(directory):.2f} % wrong; {left} left")


def finished(directory: Path, config: TrainConfig) -> bool:
    """Whether a directory holds this run to its end; another run there is for `fit` to refuse."""
    if not (directory / "config.json").is_file() or read_settings(directory)[0].differences(config):
        return False
    log = MetricsFile(directory / "metrics.jsonl", writing=False)
    return log.finished and log.read()[-1]["step"] == config.steps


def measure(claims: Sequence[Claim], plan: Plan) -> list[Outcome]:
    """What the finished runs say of every claim."""
    return [
        Outcome(claim, _measured(claim.ours, plan), _measured(claim.other, plan))
        for claim in claims
    ]


def _measured(variant: Variant, plan: Plan) -> tuple[float, ...]:
    directories = [plan.directory(variant, seed) for seed in plan.seeds]
    match variant.measure:
        case "error":
            return tuple(map(_error, directories))
        case "updates":
            return tuple(map(updates_to_threshold, map(_lines, directories)))
        case "ensemble":
            together = _evaluated([load_trained(d) for d in directories], _job(variant, plan))
            return (100 * (1 - together["top1"]),) * len(directories)
    job = _job(variant, plan)
    if variant.measure == "ten_views":
        found = [_evaluated([load_trained(d)], job, views=10) for d in directories]
        return tuple(100 * (1 - one["top1"]) for one in found)
    return tuple(_gap(load_trained(directory), job) for directory in directories)


def _job(variant: Variant, plan: Plan) -> Job:
    return Job.make(plan.config(variant, plan.seeds[0]))


def _gap(trained: Trained, job: Job) -> float:
    """Test loss minus the loss of as many training images, in test mode."""
    train, count = job.dataset.train, min(len(job.dataset.train), 10_000)
    rows = np.linspace(0, len(train) - 1, count).astype(int)
    seen = Split(train.images[rows], train.labels[rows])
    losses = [_evaluated([trained], job, split=split)["loss"] for split in (job.dataset.test, seen)]
    return losses[0] - losses[1]


def _evaluated(
    members: list[Trained], job: Job, *, views: int = 1, split: Split | None = None
) -> dict[str, float]:
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


def _lines(directory: Path) -> list[Line]:
    return MetricsFile(directory / "metrics.jsonl", writing=False).read()


def _error(directory: Path) -> float:
    tested = [line for line in _lines(directory) if line.get("split") == "test"]
    return 100 * (1 - float(tested[-1]["top1"]))


def updates_to_threshold(lines: Sequence[Line]) -> float:
    """The first step by which the training error, averaged over five lines, is 25 % or less;
    infinite where it never is."""
    trained = [line for line in lines if line.get("split") == "train"]
    errors = np.array([1 - line["top1"] for line in trained])
    for end in range(SMOOTHED, len(errors) + 1):
        if errors[end - SMOOTHED : end].mean() <= THRESHOLD:
            return float(trained[end - 1]["step"])
    return math.inf
