"""The documentation site: every page is listed, and so is every public name."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(path.stem for path in (DOCS / "api").glob("*.md") if path.stem != "index")
TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


def test_every_page_is_in_a_table_of_contents() -> None:
    """But the pages of mathematics, which the site lists by a pattern."""
    listed = {DOCS / "index.md"}
    for page in DOCS.rglob("*.md"):
        for tree in TOCTREE.findall(page.read_text(encoding="utf-8")):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{entry}.md").resolve() for entry in entries}
    pages = {path for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert {path for path in pages - listed if path.parent.name != "mathematics"} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_public_name_is_in_the_api_reference(page: str) -> None:
    """docs/api has a line for each name that a package offers, and for no others."""
    name = "alexnet_jax" if page == "alexnet_jax" else f"alexnet_jax.{page}"
    text = (DOCS / "api" / f"{page}.md").read_text(encoding="utf-8")
    offered = set(importlib.import_module(name).__all__)
    assert {each for each in offered if not re.search(rf"(:: |`){each}\b", text)} == set()
    documented = set()
    for block in text.split(".. currentmodule:: ")[1:]:
        if block.split("\n", 1)[0] == name:
            documented |= set(re.findall(r"^\.\. auto\w+:: (\w+)", block, re.MULTILINE))
    assert documented <= offered
