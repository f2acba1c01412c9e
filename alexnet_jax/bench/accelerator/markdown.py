"""Tables of Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return the lines of a table; the first row is its head, other columns align right.

    Args:
      rows: cells, as many in each row.
      left: number of columns, from the first, that align left.
    """
    marks = ["---" if column < left else "---:" for column in range(len(rows[0]))]
    return [_line(rows[0]), _line(marks), *map(_line, rows[1:])]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
