"""Runs of variants, each trained once for all claims that use it, and their measurements."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from alexnet_jax.data import Split
from alexnet_jax.display import format_duration
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained, ensemble, evaluate, load_trained, make_counter
from alexnet_jax.paper.claims import Claim, Scale, Variant
from alexnet_jax.runs import Line, MetricsFile, TrainConfig, read_settings
from alexnet_jax.runtime import Interrupted
from alexnet_jax.training import Console, Job, Silence, fit

THRESHOLD = 0.25  # training error in the paper's figure 1
SMOOTHED = 5  # lines of training metrics in an average
_BATCH = 128
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Runs that the claims need.

    Attributes:
      scale: "small" or "full".
      seeds: seeds of the runs of each variant.
      workdir: directory of all runs.
      changes: the user's changes to every run, as text by name.
    """

    scale: Scale
    seeds: tuple[int, ...]
    workdir: Path
    changes: dict[str, str] = dataclasses.field(default_factory=dict)

    def config(self, variant: Variant, seed: int) -> TrainConfig:
        """Return the settings of a run; it starts from the same seed's run of `variant.first`."""
        config = variant.config(self.scale, self.changes, seed)
        if variant.first is None:
            return config
        return dataclasses.replace(config, start_from=str(self.directory(variant.first, seed)))

    def directory(self, variant: Variant, seed: int) -> Path:
        """Return the workdir of a run."""
        return self.workdir / variant.run(self.scale) / str(seed)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Measures of a claim's two variants for each seed; infinite if not reached."""

    claim: Claim
    ours: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def compared(self) -> tuple[float, ...]:
        """Return other - ours (or other / ours) of each seed."""
        return tuple(map(self.claim.compared, self.ours, self.other))


def variants_of(claims: Sequence[Claim], scale: Scale) -> list[Variant]:
    """List the variants to train at a scale, each once, after those that they start from.

    Raises:
      InputError: two different variants with the same name.
    """
    ordered = [v for claim in claims for one in (claim.ours, claim.other) for v in (one.first, one)]
    variants: dict[str, Variant] = {}
    for variant in ordered:
        if variant is None:
            continue
        known = variants.setdefault(variant.run(scale), variant)
        if known.at(scale) != variant.at(scale):
            raise InputError(f"two different variants are called {variant.name}")
    return list(variants.values())


def check_runs(claims: Sequence[Claim], plan: Plan) -> None:
    """Raise InputError for variants that cannot be trained, before any run starts."""
    for variant in variants_of(claims, plan.scale):
        Job.make(plan.config(variant, plan.seeds[0]))


def train_all(claims: Sequence[Claim], plan: Plan, console: Console | None, say: Say) -> None:
    """Train every variant from every seed, except runs that are finished.

    Args:
      console: console for the progress within each run; None for no output.
      say: called with a message for each run.
    """
    pairs = [(variant, seed) for seed in plan.seeds for variant in variants_of(claims, plan.scale)]
    began, trained = perf_counter(), 0
    for number, (variant, seed) in enumerate(pairs, 1):
        directory, config = plan.directory(variant, seed), plan.config(variant, seed)
        label = f"run {number} of {len(pairs)}: {variant.run(plan.scale)}, seed {seed}"
        if finished(directory, config):
            say(f"{label}: there already")
            continue
        if console is not None:
            say(label)
        train_to_end(config, directory, console or Silence())
        trained += 1
        elapsed = perf_counter() - began
        remaining = format_duration(elapsed / trained * (len(pairs) - number))
        say(f"{label}: {_error(directory):.2f} % wrong; {remaining} left")


def train_to_end(config: TrainConfig, directory: Path, console: Console) -> None:
    """Call `fit`, and raise Interrupted if a signal came too late to stop it, but before others."""
    late = fit(config, directory, console)
    if late is not None:
        raise Interrupted(
            f"stopped by {late.name} after {directory}; the same command goes on from there",
            128 + late,
        )


def finished(directory: Path, config: TrainConfig) -> bool:
    """Whether a directory contains this run, finished; `fit` refuses another run there."""
    if not (directory / "config.json").is_file() or read_settings(directory)[0].differences(config):
        return False
    log = MetricsFile(directory / "metrics.jsonl", writing=False)
    return log.finished and log.read()[-1]["step"] == config.steps


def measure_claims(claims: Sequence[Claim], plan: Plan) -> list[Outcome]:
    """Measure the finished runs of every claim."""
    return [
        Outcome(claim, _measured(claim.ours, plan), _measured(claim.other, plan))
        for claim in claims
    ]


def _measured(variant: Variant, plan: Plan) -> tuple[float, ...]:
    """Return the measure of a variant's run for each seed."""
    directories = [plan.directory(variant, seed) for seed in plan.seeds]
    match variant.measure:
        case "error":
            return tuple(map(_error, directories))
        case "updates":
            return tuple(map(updates_to_threshold, map(_lines, directories)))
        case "ensemble":
            scores = evaluated([load_trained(d) for d in directories], _job(variant, plan))
            return (100 * (1 - scores["top1"]),) * len(directories)
    job = _job(variant, plan)
    if variant.measure == "ten_views":
        values = [evaluated([load_trained(d)], job, views=10) for d in directories]
        return tuple(100 * (1 - one["top1"]) for one in values)
    return tuple(_gap(load_trained(directory), job) for directory in directories)


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


def _lines(directory: Path) -> list[Line]:
    return MetricsFile(directory / "metrics.jsonl", writing=False).read()


def _error(directory: Path) -> float:
    """Return the last top-1 error of the test split, in %."""
    tested = [line for line in _lines(directory) if line.get("split") == "test"]
    return 100 * (1 - float(tested[-1]["top1"]))


def updates_to_threshold(lines: Sequence[Line]) -> float:
    """Return the first step at which the training error, averaged over five lines, is at most 25 %.

    It is infinite if the error never falls so far.
    """
    trained = [line for line in lines if line.get("split") == "train"]
    errors = np.array([1 - line["top1"] for line in trained])
    for end in range(SMOOTHED, len(errors) + 1):
        if errors[end - SMOOTHED : end].mean() <= THRESHOLD:
            return float(trained[end - 1]["step"])
    return math.inf
