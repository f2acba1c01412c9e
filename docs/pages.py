"""Pages whose results are written by a script, between two marks."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parent
RESULTS, IMAGES = DOCS / "results", DOCS / "images"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"


def filled(page: str, results: str) -> str:
    """Return the page with results between its two marks."""
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    return f"{before}{BEGIN}\n{results}\n\n{END}{after}"


def write_results(name: str, results: str) -> None:
    """Write results into the page NAME.md."""
    page = DOCS / f"{name}.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), results), encoding="utf-8")
