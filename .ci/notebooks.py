"""Runs notebooks from the first cell to the last, and then the solutions of their exercises.

    python .ci/notebooks.py FOLDER_OR_NOTEBOOK... [--save]

Each notebook has a kernel of its own; all share a temporary directory, so that a network that one
of them trains is there for the others. With --save the notebooks are written with their outputs.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from math import isclose
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

# The code of a solution and, where the notebook shows it, what the code prints.
_SOLUTION = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.M)
_DEVIATION = 0.01  # of printed numbers, relative


def main(arguments: list[str]) -> None:
    save = "--save" in arguments
    places = [Path(argument) for argument in arguments if argument != "--save"]
    paths = [p for place in places for p in (sorted(place.glob("*.ipynb")) or [place])]
    if not paths or not all(path.is_file() for path in paths):
        raise SystemExit(f"no notebooks: {' '.join(map(str, places))}")
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMPDIR"] = directory
        for path in paths:
            began = perf_counter()
            run(path, save=save)
            print(f"{path}: ran in {perf_counter() - began:.0f} s", flush=True)


def run(path: Path, *, save: bool) -> None:
    """Run a notebook and its solutions; end with an error where one fails or prints otherwise."""
    notebook = nbformat.read(path, as_version=4)
    metadata, count = deepcopy(notebook.metadata), len(notebook.cells)
    expected = list(solutions(notebook))
    notebook.cells += [nbformat.v4.new_code_cell(code) for code, _ in expected]
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=600, resources=resources, record_timing=False)
    try:
        client.execute()
    except CellExecutionError as error:
        raise SystemExit(f"{path}: {error}") from None
    _require_drawn(path, notebook)
    for cell, (_, text) in zip(notebook.cells[count:], expected, strict=True):
        printed = "".join(output.get("text", "") for output in cell.outputs)
        if text is not None and not same(printed, text):
            raise SystemExit(f"{path}: a solution prints\n{printed}and not\n{text}\n{cell.source}")
    if save:
        notebook.metadata, notebook.cells = metadata, notebook.cells[:count]
        nbformat.write(notebook, path)


def solutions(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str | None]]:
    """Yield the code of each solution, and the text that it prints where the notebook shows it."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in _SOLUTION.finditer(cell.source + "\n"):
                yield match[1], match[2]


def same(printed: str, expected: str) -> bool:
    """Whether two texts have the same words, and numbers that differ by at most 1 %."""
    pairs = (re.findall(r"-?\d[\d.,]*\d(?:e[+-]?\d+)?|\d|\S", t) for t in (printed, expected))
    first, second = pairs
    return len(first) == len(second) and all(map(_alike, first, second))


def _alike(one: str, other: str) -> bool:
    try:
        numbers = [float(token.replace(",", "")) for token in (one, other)]
    except ValueError:
        return one == other
    return isclose(*numbers, rel_tol=_DEVIATION)


def _require_drawn(path: Path, notebook: nbformat.NotebookNode) -> None:
    """End with an error where a figure came out as its name and no picture."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith("<Figure") and "image/png" not in data:
                raise SystemExit(f"{path}: a figure is not drawn:\n{cell.source}")


if __name__ == "__main__":
    main(sys.argv[1:])
