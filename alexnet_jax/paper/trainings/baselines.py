"""Baselines beside the networks, measured once and kept in the workdir."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from alexnet_jax.data import Dataset
from alexnet_jax.paper.trainings.table import Baseline
from alexnet_jax.runs import write_atomically


def measure_baselines(
    baselines: Sequence[Baseline], workdir: Path, dataset: Dataset, say: Callable[[str], None]
) -> None:
    """Measure baselines that have no file in the workdir, and write one for each."""
    for baseline in baselines:
        name, file = baseline.name, _file(workdir, baseline)
        if file.is_file() and json.loads(file.read_text())["sha256"] == dataset.fingerprint():
            say(f"{name}: there already")
            continue
        began = perf_counter()
        error = round(100 * (1 - baseline.accuracy(dataset)), 2)
        values = {"error": error, "seconds": round(perf_counter() - began, 1)}
        workdir.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(values | {"sha256": dataset.fingerprint()}) + "\n")
        say(f"{name}: {error:.2f} % wrong")


def read_baselines(baselines: Sequence[Baseline], workdir: Path) -> dict[str, dict[str, float]]:
    """Return the error (%) and seconds of the baselines that were measured, by name."""
    found = {}
    for baseline in baselines:
        if (file := _file(workdir, baseline)).is_file():
            values = json.loads(file.read_text(encoding="utf-8"))
            found[baseline.name] = {key: float(values[key]) for key in ("error", "seconds")}
    return found


def _file(workdir: Path, baseline: Baseline) -> Path:
    return workdir / f"{baseline.name}.json"
