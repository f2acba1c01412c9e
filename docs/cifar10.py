"""Writes the tables and pictures of docs/cifar10.md from docs/results/cifar10.json.

alexnet-jax cifar10 --data-dir DIR --report --json docs/results/cifar10.json
python docs/cifar10.py
"""

from __future__ import annotations

from pathlib import Path

from alexnet_jax.paper.cifar import best_runs, figure1, format_report, learning_curves, read_record

DOCS = Path(__file__).resolve().parent
PAGE, RESULTS, IMAGES = DOCS / "cifar10.md", DOCS / "results" / "cifar10.json", DOCS / "images"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"


def filled(page: str, report: str) -> str:
    """Return the page with a report between its two marks."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n{report}\n\n{END}{after}"


if __name__ == "__main__":
    record = read_record(RESULTS)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(page, format_report(record)), encoding="utf-8")
    learning_curves(record).savefig(IMAGES / "cifar10_curves.png", dpi=120)
    if any(best_runs(training) for training in record["trainings"] if training["rates"]):
        figure1(record).savefig(IMAGES / "cifar10_figure1.png", dpi=120)
