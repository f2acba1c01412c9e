"""Baselines beside the networks: nearest neighbours and logistic regression, on pixels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from alexnet_jax.data import Dataset, logistic_regression, nearest_neighbour
from alexnet_jax.runs import write_atomically

BASELINES: dict[str, Callable[[Dataset], float]] = {
    "nearest": lambda dataset: nearest_neighbour(dataset)["pixels"],
    "logistic": lambda dataset: logistic_regression(dataset).accuracy,
}
WORDS = {
    "nearest": "nearest neighbour, pixels",
    "logistic": "logistic regression, standardized pixels",
}


def measure_baselines(
    names: Sequence[str], workdir: Path, dataset: Dataset, say: Callable[[str], None]
) -> None:
    """Measure baselines that have no file in the workdir, and write one for each."""
    for name in names:
        file = workdir / f"{name}.json"
        if file.is_file() and json.loads(file.read_text())["sha256"] == dataset.fingerprint():
            say(f"{name}: there already")
            continue
        began = perf_counter()
        error = round(100 * (1 - BASELINES[name](dataset)), 2)
        values = {"error": error, "seconds": round(perf_counter() - began, 1)}
        workdir.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(values | {"sha256": dataset.fingerprint()}) + "\n")
        say(f"{name}: {error:.2f} % wrong")


def read_baselines(workdir: Path) -> dict[str, dict[str, float]]:
    """Return the error (%) and seconds of the baselines that were measured, by name."""
    found = {}
    for name in BASELINES:
        if (file := workdir / f"{name}.json").is_file():
            values = json.loads(file.read_text(encoding="utf-8"))
            found[name] = {key: float(values[key]) for key in ("error", "seconds")}
    return found
