"""Trainings carried out: finished runs are left as they are, others are begun or resumed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from alexnet_jax.bench import train_torch
from alexnet_jax.errors import TrainingFailed
from alexnet_jax.inference import load_trained
from alexnet_jax.paper.measures import evaluated
from alexnet_jax.paper.runs import FAILED, finished, train_to_end
from alexnet_jax.paper.trainings.plan import Plan, Run
from alexnet_jax.paper.trainings.race import crossing, run_race
from alexnet_jax.paper.trainings.table import Training
from alexnet_jax.runs import (
    MetricsFile,
    TrainConfig,
    hold_workdir,
    open_workdir,
    read_settings,
    write_atomically,
)
from alexnet_jax.training import Console, Job

TEN_VIEWS = "ten_views.json"
Say = Callable[[str], None]


def check_trainings(trainings: Sequence[Training], plan: Plan) -> None:
    """Raise InputError for settings with which a training cannot be begun."""
    for training in trainings:
        Job.make(plan.config(plan.first(training)))


def train_all(trainings: Sequence[Training], plan: Plan, console: Console, say: Say) -> None:
    """Train all runs of the trainings, and test those that ask for ten views.

    Args:
      console: console for the progress within each run.
      say: called with a message for each run.

    Raises:
      InputError: as `fit`, such as for a workdir of a run with other settings.
      TrainingFailed: a run, not of a race, whose loss is no number or stays at chance.
    """
    for training in trainings:
        if training.rates:
            run_race(training, plan, partial(_advance, plan=plan, console=console, say=say))
            continue
        for run in plan.runs(training):
            train_run(run, plan, console, say)


def train_run(run: Run, plan: Plan, console: Console, say: Say) -> None:
    """Train a run to its end, and test it with ten views if its training says so."""
    directory, config = plan.directory(run), plan.config(run)
    if finished(directory, config):
        say(f"{run.label}: there already")
    elif run.training.library == "torch":
        say(run.label)
        _train_with_torch(config, directory, console)
    else:
        say(run.label)
        train_to_end(config, directory, console)
    if 10 in run.training.views:
        _test_ten_views(directory, config)


def _advance(run: Run, steps: int, plan: Plan, console: Console, say: Say) -> None:
    """Train a run of a race to `steps` updates, unless it has made as many or failed."""
    directory, lines = plan.directory(run), plan.lines(run)
    if failure(directory) is not None or (lines and lines[-1].get("step", 0) >= steps):
        return
    config = plan.config(run)
    say(f"{run.label}: to {steps:,} updates")
    if (directory / "config.json").is_file():  # a stopped run may have been meant to go further
        steps = max(steps, read_settings(directory)[0].steps)
    try:
        train_to_end(dataclasses.replace(config, steps=steps), directory, console)
    except TrainingFailed as error:
        write_atomically(directory / FAILED, f"{error}\n")
        say(f"{run.label}: {error}")
        return
    found = crossing(plan.lines(run), config)
    if found is not None:
        say(f"{run.label}: {found.error:.1%} wrong around update {found.step:,.0f}")


def failure(directory: Path) -> str | None:
    """Return why a run of a race failed, or None if it did not."""
    file = directory / FAILED
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def _train_with_torch(config: TrainConfig, directory: Path, console: Console) -> None:
    """Train from the beginning in PyTorch, with the settings and metrics of a run of `fit`."""
    job = Job.make(config)

    def append(line: Mapping[str, Any]) -> None:
        log.append(line)
        step, metrics = line["step"], dict(line)
        console.advance(step)
        if line["split"] == "test":
            console.test(step, metrics)
        else:
            console.train(step, {"input_wait": 0.0, **metrics})

    with hold_workdir(directory):
        open_workdir(directory, config, job.dataset.fingerprint(), fresh=False)
        log = MetricsFile(directory / "metrics.jsonl")
        log.rewind(0)
        console.start(0, config.steps)
        try:
            train_torch(job.architecture, config, job.dataset, append)
        finally:
            console.stop()
        log.append({"event": "done", "step": config.steps})


def _test_ten_views(directory: Path, config: TrainConfig) -> None:
    """Write the errors of a finished run with ten views to a file in its directory, once."""
    if ten_views_errors(directory):
        return
    scores = evaluated([load_trained(directory)], Job.make(config), views=10)
    errors = {"error": 1 - scores["top1"], "top5_error": 1 - scores["top5"]}
    values = {"params_sha256": _sha256(directory), **errors}
    write_atomically(directory / TEN_VIEWS, json.dumps(values) + "\n")


def ten_views_errors(directory: Path) -> dict[str, float]:
    """Return "error" and "top5_error" with ten views, in [0, 1]; of other networks than the one
    that is there now, and before the test, none. Files of earlier versions have no "top5_error".
    """
    file = directory / TEN_VIEWS
    if not file.is_file():
        return {}
    values = json.loads(file.read_text(encoding="utf-8"))
    if values.pop("params_sha256") != _sha256(directory):
        return {}
    return {name: float(value) for name, value in values.items()}


def _sha256(directory: Path) -> str | None:
    """Return the hash of a finished run's parameters."""
    lines = MetricsFile(directory / "metrics.jsonl", writing=False).read()
    return lines[-1].get("params_sha256") if lines else None
