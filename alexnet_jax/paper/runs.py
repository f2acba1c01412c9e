"""Runs of variants, each trained once for all claims that use it; processes may share them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from alexnet_jax.display import format_duration
from alexnet_jax.errors import InputError, InUse, TrainingFailed
from alexnet_jax.paper.claims import Claim, Variant
from alexnet_jax.paper.scales import Scale
from alexnet_jax.runs import Line, MetricsFile, TrainConfig, read_settings, write_atomically
from alexnet_jax.runtime import Interrupted
from alexnet_jax.training import Console, Job, Silence, fit

FAILED = "failed.txt"
PAUSE = 10.0  # s between two looks at runs of other processes
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Runs that the claims need.

    Attributes:
      scale: "quick", "cifar" or "full".
      seeds: seeds of the runs of each variant.
      workdir: directory of all runs; a run has the workdir `workdir/NAME/SEED`.
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

    def finished(self, variant: Variant, seed: int) -> bool:
        """Whether a run has come to its end, or failed."""
        directory = self.directory(variant, seed)
        return failed(directory) or finished(directory, self.config(variant, seed))


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

    Several processes may do so at the same time: a run that another process trains is passed over.
    When no others are left, they are waited for, and taken over if that process stops before their
    end.

    Args:
      console: console for the progress within each run; None for no output.
      say: called with a message for each run.
    """
    variants = variants_of(claims, plan.scale)
    waiting = [(variant, seed) for seed in plan.seeds for variant in variants]
    number, began, trained, patient = len(waiting), perf_counter(), 0, False
    while waiting:
        held = []
        for position, (variant, seed) in enumerate(waiting, 1):
            done = number - len(waiting) + position
            label = f"run {done} of {number}: {variant.run(plan.scale)}, seed {seed}"
            if plan.finished(variant, seed):
                say(f"{label}: there already")
                continue
            try:
                ended = train(variant, seed, plan, console, label, say)
            except InUse:
                held.append((variant, seed))
                continue
            trained += 1
            elapsed = perf_counter() - began
            remaining = format_duration(elapsed / trained * (len(waiting) - position))
            say(f"{label}: {ended}; {remaining} left")
        if len(held) == len(waiting):
            if not patient:
                say(f"waiting for {len(held)} runs of other processes")
            patient = True
            time.sleep(PAUSE)
        waiting = held


def train(
    variant: Variant, seed: int, plan: Plan, console: Console | None, label: str, say: Say
) -> str:
    """Train a run to its end, and return how it ended, in words.

    A training that fails leaves the file `failed.txt`, and is not repeated while it is there.

    Raises:
      InUse: another process trains this run or the one that it starts from.
    """
    directory, first = plan.directory(variant, seed), variant.first
    if first is not None:
        if failed(plan.directory(first, seed)):
            return _fail(directory, f"{first.name}, seed {seed}, has failed")
        if not plan.finished(first, seed):
            raise InUse(f"{plan.directory(first, seed)} is not finished")
    if console is not None:
        say(label)
    try:
        train_to_end(plan.config(variant, seed), directory, console or Silence())
    except TrainingFailed as error:
        return _fail(directory, str(error))
    return f"{last_error(directory):.2f} % wrong"


def _fail(directory: Path, why: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / FAILED, f"{why}\n")
    return why


def failed(directory: Path) -> bool:
    """Whether a training failed there."""
    return (directory / FAILED).is_file()


def train_to_end(config: TrainConfig, directory: Path, console: Console) -> None:
    """Call `fit`, and raise Interrupted if a signal came too late to stop it, but before others."""
    late = fit(config, directory, console)
    if late is not None:
        raise Interrupted(
            f"stopped by {late.name} after {directory}; the same command resumes from there",
            128 + late,
        )


def finished(directory: Path, config: TrainConfig) -> bool:
    """Whether a directory contains this run, finished; `fit` refuses another run there."""
    if not (directory / "config.json").is_file() or read_settings(directory)[0].differences(config):
        return False
    log = MetricsFile(directory / "metrics.jsonl", writing=False)
    return log.finished and log.read()[-1]["step"] == config.steps


def read_lines(directory: Path) -> list[Line]:
    """Read the measurements of a run, none if it was not begun."""
    return MetricsFile(directory / "metrics.jsonl", writing=False).read()


def last_error(directory: Path) -> float:
    """Return the last top-1 error of the test split, in %."""
    tested = [line for line in read_lines(directory) if line.get("split") == "test"]
    return 100 * (1 - float(tested[-1]["top1"]))
