"""Record of a table as JSON: settings, times, errors by seed and learning curves.

Tables and pictures are made from the record alone, without the runs and the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NotRequired, TypedDict

from alexnet_jax.data import Dataset
from alexnet_jax.paper.cost import train_seconds
from alexnet_jax.paper.files import read_json
from alexnet_jax.paper.runs import finished
from alexnet_jax.paper.trainings.baselines import read_baselines
from alexnet_jax.paper.trainings.estimate import gpu_seconds
from alexnet_jax.paper.trainings.plan import Plan, Run
from alexnet_jax.paper.trainings.race import crossing, window_lines, windows
from alexnet_jax.paper.trainings.table import Table, Training
from alexnet_jax.paper.trainings.train import failure, ten_views_errors
from alexnet_jax.runs import Line

FORMAT = 1


class Errors(TypedDict, total=False):
    """Errors of a run in %, those that its table measures; null if they were not measured.

    The top-1 error with the centre view and with ten views, and the top-5 error likewise.
    """

    error: float | None
    error_ten_views: float | None
    top5_error: float | None
    top5_error_ten_views: float | None


class RunRecord(Errors):
    """Record of a run, with its errors.

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
    """Record of all trainings. `machine` and `jax` are those with which it was written.

    `sections` holds the results of the table's own further parts, by their names.
    """

    format: int
    data: dict[str, Any]
    machine: str
    jax: str
    baselines: dict[str, dict[str, float]]
    trainings: list[TrainingRecord]
    sections: NotRequired[dict[str, Any]]


def make_record(table: Table, plan: Plan, dataset: Dataset, note: str, machine: str) -> Record:
    """Read the runs and baselines in a workdir.

    Args:
      table: the trainings.
      plan: the runs.
      dataset: the data set of the runs.
      note: words about the data, such as whether it is a copy in another form; "" for none.
      machine: name of this machine.
    """
    import jax

    counts = {"train": len(dataset.train), "test": len(dataset.test)}
    data = {"name": dataset.name, "note": note, **counts, "sha256": dataset.fingerprint()}
    trainings = [_training(one, table, plan, counts["train"]) for one in table.trainings]
    record: Record = {
        "format": FORMAT,
        "data": data,
        "machine": machine,
        "jax": jax.__version__,
        "baselines": read_baselines(table.baselines, plan.workdir),
        "trainings": trainings,
    }
    if table.sections:
        done = _finished(table, plan)
        record["sections"] = {one.name: one.measure(done) for one in table.sections}
    return record


def _finished(table: Table, plan: Plan) -> dict[str, dict[int, Path]]:
    """Return the directories of finished runs by training and seed; races are left out."""
    return {
        training.name: {
            run.seed: plan.directory(run)
            for run in plan.runs(training)
            if finished(plan.directory(run), plan.config(run))
        }
        for training in table.trainings
        if not training.rates
    }


def _training(training: Training, table: Table, plan: Plan, images: int) -> TrainingRecord:
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
        "runs": [_run(run, table, plan, images) for run in runs],
    }


def _run(run: Run, table: Table, plan: Plan, images: int) -> RunRecord:
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
    done = crossed is not None or finished(directory, config)
    last = lines[-1]["step"]
    return {
        "seed": run.seed,
        "rate": run.rate,
        "finished": done,
        "epochs": round(last / per_epoch, 2),
        "seconds": round(seconds),
        "images_per_second": round(median(_rates(lines)), 1),
        **_errors(run, table, directory, tests[-1] if tests and done else None),
        "test_curve": [_point(line["step"], 1 - line["top1"], per_epoch) for line in tests],
        "train_curve": train_curve,
        "crossed": None if crossed is None else round(crossed.step / per_epoch, 2),
        "failed": failure(directory),
    }


def _errors(run: Run, table: Table, directory: Path, tested: Line | None) -> Errors:
    """Return the errors that a table measures.

    Args:
      tested: the last test of a finished run; None: it is not finished.
    """
    ten = ten_views_errors(directory) if 10 in run.training.views else {}
    known = {f"{name}_ten_views": error for name, error in ten.items()}
    if tested is not None:
        known |= {"error": 1 - tested["top1"], "top5_error": 1 - tested["top5"]}
    errors: Errors = {}
    for measure in table.measures:
        errors[measure] = _percent(known[measure]) if measure in known else None
    return errors


def _rates(lines: Iterable[Line]) -> list[float]:
    return [line["images_per_second"] for line in lines if line.get("split") == "train"] or [0.0]


def _percent(error: float) -> float:
    return round(100 * error, 2)


def _point(step: float, error: float, per_epoch: float) -> tuple[float, float]:
    return round(step / per_epoch, 2), _percent(error)


def read_record(table: Table, file: Path) -> Record:
    """Read a record of a table that `write_json` has written.

    Raises:
      InputError: the file does not exist or contains no such record.
    """
    check = partial(_require_trainings, table=table)
    record: Record = read_json(file, f"the trainings on {table.title}", FORMAT, check)
    return record


def _require_trainings(record: Any, table: Table) -> None:
    """Raise ValueError for a record that lacks trainings of a table, or has others."""
    if not isinstance(record["trainings"], list):
        raise ValueError("its trainings are no list")
    names = {str(one["name"]) for one in record["trainings"]}
    known = {one.name for one in table.trainings}
    if missing := sorted(known - names):
        raise ValueError(f"it lacks {missing[0]}")
    if other := sorted(names - known):
        raise ValueError(f"it has a training {other[0]}")


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
