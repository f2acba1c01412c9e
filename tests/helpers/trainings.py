"""Records of tables of trainings, made up."""

from typing import Any

from alexnet_jax.paper.trainings.record import Record, RunRecord
from alexnet_jax.paper.trainings.table import Table

BASELINES = {"nearest": {"error": 64.5, "seconds": 30.0}}


def run_record(**values: Any) -> RunRecord:
    """A finished run of seed 0 whose errors were not measured, with other values."""
    run: dict[str, Any] = {
        "seed": 0, "rate": None, "finished": True, "epochs": 10.0, "seconds": 60,
        "images_per_second": 100.0, "error": None, "error_ten_views": None,
        "test_curve": [(5.0, 40.0), (10.0, 30.0)], "train_curve": [], "crossed": None,
        "failed": None,
    }  # fmt: skip
    return run | values  # type: ignore[return-value]


def record_of(table: Table, runs: dict[str, list[RunRecord]], note: str = "") -> Record:
    """The record of all trainings of a table, of which some have runs."""
    trainings: list[Any] = [
        {
            "name": one.name, "config": one.config, "says": one.says, "then": one.then,
            "settings": {}, "library": one.library, "seeds": list(one.seeds),
            "rates": list(one.rates), "epochs": 10.0, "gpu_seconds": 90.0,
            "runs": runs.get(one.name, []),
        }
        for one in table.trainings
    ]  # fmt: skip
    data = {"name": table.name, "note": note, "train": 50_000, "test": 10_000, "sha256": ""}
    return {
        "format": 1, "data": data, "machine": "a CPU", "jax": "0", "baselines": BASELINES,
        "trainings": trainings,
    }  # fmt: skip
