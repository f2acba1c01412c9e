"""Writes the table and the picture of docs/claims.md from docs/results/claims.json.

alexnet-jax claims --scale cifar --data-dir DIR --report --json docs/results/claims.json
python docs/claims.py
"""

from __future__ import annotations

from pathlib import Path

from alexnet_jax.paper import forest_plot, format_report, read_record

DOCS = Path(__file__).resolve().parent
PAGE, RESULTS = DOCS / "claims.md", DOCS / "results" / "claims.json"
PICTURE = DOCS / "images" / "claims.png"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"
SHOWN = "![Every claim's interval, its mean and the published value](images/claims.png)"
NOT_RUN = "The runs of the scale `cifar` have not been made yet."


def results(file: Path) -> str:
    """Return the report of a record with its picture, or a sentence if there is no such file."""
    if not file.is_file():
        return NOT_RUN
    return f"{SHOWN}\n\n{format_report(read_record(file))}"


def filled(page: str, report: str) -> str:
    """Return the page with a report between its two marks."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n{report}\n\n{END}{after}"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(page, results(RESULTS)), encoding="utf-8")
    if RESULTS.is_file():
        forest_plot(read_record(RESULTS)).savefig(PICTURE, dpi=120)
