"""Writes the tables and pictures of docs/cifar10.md from docs/results/cifar10.json.

alexnet-jax cifar10 --data-dir DIR --report --json docs/results/cifar10.json
python docs/cifar10.py
"""

from __future__ import annotations

from pathlib import Path

from pages import IMAGES, RESULTS, write_results

from alexnet_jax.paper.trainings import (
    best_runs,
    figure1,
    format_report,
    learning_curves,
    read_record,
)
from alexnet_jax.paper.trainings.tables import CIFAR10


def results(file: Path) -> str:
    """Return the report of a record."""
    return format_report(CIFAR10, read_record(CIFAR10, file))


if __name__ == "__main__":
    FILE = RESULTS / "cifar10.json"
    write_results("cifar10", results(FILE))
    record = read_record(CIFAR10, FILE)
    learning_curves(CIFAR10, record).savefig(IMAGES / "cifar10_curves.png", dpi=120)
    if any(best_runs(training) for training in record["trainings"] if training["rates"]):
        figure1(CIFAR10, record).savefig(IMAGES / "cifar10_figure1.png", dpi=120)
