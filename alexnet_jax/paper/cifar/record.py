"""Record of all trainings as JSON: settings, times, errors by seed and learning curves.

Tables and pictures are made from the record alone, without the runs and the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

from alexnet_jax.data import Dataset
from alexnet_jax.paper.cifar.baselines import read_baselines
from alexnet_jax.paper.cifar.estimate import gpu_seconds
from alexnet_jax.paper.cifar.plan import Plan, Run
from alexnet_jax.paper.cifar.race import crossing, window_lines, windows
from alexnet_jax.paper.cifar.train import failure, ten_views_error
from alexnet_jax.paper.cifar.trainings import TRAININGS, Training
from alexnet_jax.paper.cost import train_seconds
from alexnet_jax.paper.files import read_json
from alexnet_jax.paper.runs import finished
from alexnet_jax.runs import Line

FORMAT = 1


class RunRecord(TypedDict):
    """Record of a run; errors are in %, and null if they were not measured.

    `seconds` and `images_per_second` are of training alone, from the rates in `metrics.jsonl`: the
    sum over all updates, and the median.
    `test_curve` and `train_curve` are (epoch, error); of training errors only races have any.
    `crossed` is the epoch at which the training error of a race's run fell to 25 %.
    """

    seed: int
    rate: float | None
    finished: bool
    epochs: float
    seconds: int
    images_per_second: float
    error: float | None
    error_ten_views: float | None
    test_curve: list[tuple[float, float]]
    train_curve: list[tuple[float, float]]
    crossed: float | None
    failed: str | None


class TrainingRecord(TypedDict):
    """Record of a training: what it is, and those of its runs that were begun.

    `epochs` and `gpu_seconds`, an estimate for one GPU, are of one run; of a race, its limit.
    """

    name: str
    config: str
    says: str
    then: str
    settings: dict[str, str]
    library: str
    seeds: list[int]
    rates: list[float]
    epochs: float
    gpu_seconds: float
    runs: list[RunRecord]


class Record(TypedDict):
    """Record of all trainings. `machine` and `jax` are those with which it was written."""

    format: int
    data: dict[str, Any]
    machine: str
    jax: str
    baselines: dict[str, dict[str, float]]
    trainings: list[TrainingRecord]


def make_record(plan: Plan, dataset: Dataset, note: str, machine: str) -> Record:
    """Read the runs and baselines in a workdir.

    Args:
      plan: the runs.
      dataset: the data set of the runs.
      note: words about the data, such as whether it is a copy in another form; "" for none.
      machine: name of this machine.
    """
    import jax

    counts = {"train": len(dataset.train), "test": len(dataset.test)}
    data = {"name": dataset.name, "note": note, **counts, "sha256": dataset.fingerprint()}
    return {
        "format": FORMAT,
        "data": data,
        "machine": machine,
        "jax": jax.__version__,
        "baselines": read_baselines(plan.workdir),
        "trainings": [_training(one, plan, counts["train"]) for one in TRAININGS.values()],
    }


def _training(training: Training, plan: Plan, images: int) -> TrainingRecord:
    runs = [run for run in plan.runs(training) if plan.lines(run)]
    if not runs:  # the user's changes may not fit a training that was not asked for
        plan = dataclasses.replace(plan, changes={})
    first = plan.first(training)
    config = plan.config(first)
    own = ("data", "data_dir", *(["learning_rate"] if training.rates else []))
    return {
        "name": training.name,
        "config": training.config,
        "says": training.says,
        "then": training.then,
        "settings": {k: v for k, v in plan.settings(first).items() if k not in own},
        "library": training.library,
        "seeds": list(plan.seeds_of(training)),
        "rates": plan.rates(training) if training.rates else [],
        "epochs": round(config.steps * config.batch / images, 2),
        "gpu_seconds": round(gpu_seconds(config), 1),
        "runs": [_run(run, plan, images) for run in runs],
    }


def _run(run: Run, plan: Plan, images: int) -> RunRecord:
    lines, directory = plan.lines(run), plan.directory(run)
    config = plan.config(run)
    per_epoch = images / config.batch
    tests = [line for line in lines if line.get("split") == "test"]
    train_curve, crossed = list[tuple[float, float]](), None
    if run.training.rates:
        length = window_lines(config)
        apart = list(windows(lines, length))[:: max(1, length // 2)]
        train_curve = [_point(window.step, window.error, per_epoch) for window in apart]
        crossed = crossing(lines, config)
    seconds = train_seconds(lines, config.batch)
    ten = ten_views_error(directory) if 10 in run.training.views else None
    done = crossed is not None or finished(directory, config)
    last = lines[-1]["step"]
    return {
        "seed": run.seed,
        "rate": run.rate,
        "finished": done,
        "epochs": round(last / per_epoch, 2),
        "seconds": round(seconds),
        "images_per_second": round(median(_rates(lines)), 1),
        "error": _percent(1 - tests[-1]["top1"]) if tests and done else None,
        "error_ten_views": None if ten is None else _percent(ten),
        "test_curve": [_point(line["step"], 1 - line["top1"], per_epoch) for line in tests],
        "train_curve": train_curve,
        "crossed": None if crossed is None else round(crossed.step / per_epoch, 2),
        "failed": failure(directory),
    }


def _rates(lines: Iterable[Line]) -> list[float]:
    return [line["images_per_second"] for line in lines if line.get("split") == "train"] or [0.0]


def _percent(error: float) -> float:
    return round(100 * error, 2)


def _point(step: float, error: float, per_epoch: float) -> tuple[float, float]:
    return round(step / per_epoch, 2), _percent(error)


def read_record(file: Path) -> Record:
    """Read a record that `write_json` has written.

    Raises:
      InputError: the file does not exist or contains no such record.
    """
    record: Record = read_json(file, "the trainings", FORMAT, _require_trainings)
    return record


def _require_trainings(record: Any) -> None:
    if not isinstance(record["trainings"], list):
        raise ValueError("its trainings are no list")


def best_runs(training: TrainingRecord) -> Sequence[RunRecord]:
    """Return the runs that stand for a training: of a race, those at the best rate."""
    if not training["rates"]:
        return training["runs"]
    first = [r for r in training["runs"] if r["seed"] == training["seeds"][0] and r["crossed"]]
    if not first:
        return []
    order = training["rates"]
    best = min(first, key=lambda run: (run["crossed"], order.index(run["rate"])))  # type: ignore[arg-type]
    return [run for run in training["runs"] if run["rate"] == best["rate"]]
