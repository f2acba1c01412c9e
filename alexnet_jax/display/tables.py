"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Iterable


def milliseconds(seconds: float) -> str:
    """Three digits or more."""
    value = 1e3 * seconds
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def aligned(lines: Iterable[Iterable[str]]) -> str:
    """Columns to the right, with a rule below the first line."""
    cells = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    text = ["  ".join(map(str.rjust, line, widths)).rstrip() for line in cells]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])
