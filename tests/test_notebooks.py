"""The notebooks are the text beside them, without outputs, and import what they show."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

PATHS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def cells_of_text(path: Path) -> list[tuple[str, str]]:
    """(kind, source) of the cells of a text in the percent format."""
    _, *parts = path.read_text(encoding="utf-8").split("\n# %%")
    found = []
    for part in parts:
        head, _, body = part.partition("\n")
        lines = body.strip("\n").splitlines()
        if "[markdown]" in head:
            found.append(("markdown", "\n".join(line[1:].removeprefix(" ") for line in lines)))
        else:
            found.append(("code", "\n".join(re.sub(r"# %(?=\w)", "%", line) for line in lines)))
    return found


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def test_there_are_seven() -> None:
    assert [path.stem[:2] for path in PATHS] == [f"{number:02}" for number in range(1, 8)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_its_text(path: Path) -> None:
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in cells(path)]
    assert found == cells_of_text(path.with_suffix(".py"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_outputs_are_stripped(path: Path) -> None:
    for cell in cells(path):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_logic_is_imported(path: Path) -> None:
    """No classes, and functions only where the notebook is about the formula itself."""
    tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
    defined = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert len(defined) <= (4 if path.stem == "02_local_response_norm" else 0)
