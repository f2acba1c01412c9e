"""Runs every notebook from its first cell to its last, in a kernel of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def main(folder: str) -> None:
    paths = sorted(Path(folder).glob("*.ipynb"))
    if not paths:
        raise SystemExit(f"{folder} holds no notebooks")
    for path in paths:
        began = perf_counter()
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}})
        try:
            client.execute()
        except CellExecutionError as error:
            raise SystemExit(f"{path}: {error}") from None
        _require_drawn(path, notebook)
        print(f"{path}: ran in {perf_counter() - began:.0f} s", flush=True)


def _require_drawn(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Ends with an error where a figure came out as its name and no picture."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith("<Figure") and "image/png" not in data:
                raise SystemExit(f"{path}: a figure is not drawn:\n{cell.source}")


if __name__ == "__main__":
    main(sys.argv[1])
