"""The notebooks are the text beside them, import what they show, and have outputs."""

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
def test_outputs_are_saved(path: Path) -> None:
    """Outputs hold pictures and printed text, no warning, no error and no place on a machine."""
    outputs = [out for cell in cells(path) for out in cell.get("outputs", ())]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    for out in outputs:
        assert out["output_type"] in ("stream", "display_data")
        assert out.get("name", "stdout") == "stdout"
        text = "".join(out.get("text", "")) + "".join(out.get("data", {}).get("text/plain", ""))
        assert not re.search(r"Warning|(?<![\w.])/(?:tmp|home|root|work|usr|Users)\b", text)


def test_saved_notebooks_are_small() -> None:
    """All notebooks together take at most 4 MB."""
    assert sum(path.stat().st_size for path in PATHS) <= 4_000_000


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lecture_asks_and_answers(path: Path) -> None:
    """It has 800 words or more, and three to five exercises, each with a folded solution whose
    code is Python; `make notebooks` runs that code."""
    text = "\n".join(source for kind, source in cells_of_text(path.with_suffix(".py"))
                     if kind == "markdown")  # fmt: skip
    assert len(text.split()) >= 800
    _, exercises = text.split("## Exercises")
    folded = re.findall(r"<details>(.*?)</details>", exercises, re.DOTALL)
    assert 3 <= len(folded) == len(re.findall(r"^\*\*\d\.\*\*", exercises, re.MULTILINE)) <= 5
    for solution in folded:
        (code,) = re.findall(r"^```python\n(.*?)^```$", solution, re.DOTALL | re.MULTILINE)
        ast.parse(code)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_logic_is_imported(path: Path) -> None:
    """No classes, and functions only where the notebook is about the formula itself."""
    tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
    defined = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    formulas = ("02_local_response_norm", "04_train")
    assert len(defined) <= (4 if path.stem in formulas else 0)
