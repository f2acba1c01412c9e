"""Writes the tables and pictures of docs/tiny_imagenet.md from docs/results/tiny_imagenet.json.

alexnet-jax tiny_imagenet --data-dir DIR --report --json docs/results/tiny_imagenet.json
python docs/tiny_imagenet.py
"""

from __future__ import annotations

from pathlib import Path

from pages import IMAGES, RESULTS, write_results

from alexnet_jax.paper.trainings import (
    format_report,
    kernel_colours,
    learning_curves,
    read_record,
)
from alexnet_jax.paper.trainings.tables import TINY_IMAGENET

CURVES = "![Test error of every run over the epochs](images/tiny_imagenet_curves.png)"
COLOUR = "![Colour index of every kernel of both towers, by run](images/tiny_imagenet_colour.png)"
NOT_RUN = "The trainings have not been run yet."


def results(file: Path) -> str:
    """Return the report of a record with its pictures, or a sentence if there is no such file."""
    if not file.is_file():
        return NOT_RUN
    report = format_report(TINY_IMAGENET, read_record(TINY_IMAGENET, file))
    return f"{report}\n\n{CURVES}\n\n{COLOUR}"


if __name__ == "__main__":
    FILE = RESULTS / "tiny_imagenet.json"
    write_results("tiny_imagenet", results(FILE))
    if FILE.is_file():
        record = read_record(TINY_IMAGENET, FILE)
        for name, draw in (("curves", learning_curves), ("colour", kernel_colours)):
            figure = draw(TINY_IMAGENET, record)
            figure.savefig(IMAGES / f"tiny_imagenet_{name}.png", dpi=120)
