"""Writes the table and the picture of docs/claims.md from docs/results/claims.json.

alexnet-jax claims --scale cifar --data-dir DIR --report --json docs/results/claims.json
python docs/claims.py
"""

from __future__ import annotations

from pathlib import Path

from pages import IMAGES, RESULTS, write_results

from alexnet_jax.paper import forest_plot, format_report, read_record

SHOWN = "![Every claim's interval, its mean and the published value](images/claims.png)"
NOT_RUN = "The runs of the scale `cifar` have not been made yet."


def results(file: Path) -> str:
    """Return the report of a record with its picture, or a sentence if there is no such file."""
    if not file.is_file():
        return NOT_RUN
    return f"{SHOWN}\n\n{format_report(read_record(file))}"


if __name__ == "__main__":
    FILE = RESULTS / "claims.json"
    write_results("claims", results(FILE))
    if FILE.is_file():
        forest_plot(read_record(FILE)).savefig(IMAGES / "claims.png", dpi=120)
