"""The pages of docs/mathematics: their programs, formulas and links."""

import re
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[1] / "docs" / "mathematics"
PAGES = sorted(PLACE.glob("*.md"))
DERIVATIONS = [page for page in PAGES if page.stem != "index"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r"\$\$[^$\n]+\$\$|\$[^$\n]+\$")

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def prose(page: Path) -> str:
    """The page without its programs and the code in its lines."""
    return re.sub(r"`[^`\n]+`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", DERIVATIONS, ids=lambda page: page.stem)
def test_programs_of_a_page(page: Path) -> None:
    """Each program runs by itself, and what it asserts of the page's formulas and figures holds."""
    text = page.read_text(encoding="utf-8")
    programs = [match for match in BLOCK.finditer(text) if match[1] == "python"]
    assert programs
    for match in programs:
        assert "assert" in match[2]
        lines = "\n" * text.count("\n", 0, match.start(2))  # errors then name the page's lines
        exec(compile(lines + match[2], str(page), "exec"), {"__name__": "program"})


@by_name
def test_formulas_survive_markdown(page: Path) -> None:
    """A viewer that reads formulas after Markdown gets them whole: no emphasis by underscores, no
    escaped punctuation, no table's bar, no dollar that opens or closes nothing."""
    text = prose(page)
    for formula in FORMULA.findall(text):
        assert not re.search(r"[^\w\s]_|\\[^a-zA-Z]|[|<>*]", formula), formula
        assert formula.count("{") == formula.count("}"), formula
    assert "$" not in FORMULA.sub("", text)


@by_name
def test_links_of_a_page(page: Path) -> None:
    """Links are relative, and lead to files that are there."""
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        assert (PLACE / target.partition("#")[0]).is_file(), target


def test_the_index_names_every_page() -> None:
    index = (PLACE / "index.md").read_text(encoding="utf-8")
    named = re.findall(r"^- \[.*\]\((\w+)\.md\)", index, re.MULTILINE)
    assert sorted(named) == [page.stem for page in DERIVATIONS]
