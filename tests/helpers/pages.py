"""The pages of docs/ that scripts fill with results, and these scripts."""

import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

DOCS = Path(__file__).parents[2] / "docs"


def script_of(page: str) -> dict[str, Any]:
    """What a page's script defines, without its main part."""
    with mock.patch.object(sys, "path", [str(DOCS), *sys.path]):
        return runpy.run_path(str(DOCS / f"{page}.py"))


def filled(page: str, results: Path) -> str:
    """The page with the results of a file between its marks."""
    script, marks = script_of(page), script_of("pages")
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return str(marks["filled"](text, script["results"](results)))
