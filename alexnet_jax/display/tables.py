"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Iterable


def milliseconds(seconds: float) -> str:
    """Three digits or more."""
    value = 1e3 * seconds
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def aligned(lines: Iterable[Iterable[str]], left: int = 0, rules: Iterable[int] = (1,)) -> str:
    """Columns two spaces apart, as wide as their widest cell.

    Args:
      left: how many columns, from the first, stand to the left; the others stand to the right.
      rules: lines, by their index, that a rule is drawn above.
    """
    columns = []
    for place, column in enumerate(zip(*lines, strict=True)):
        width = max(map(len, column))
        side = str.ljust if place < left else str.rjust
        columns.append([side(cell, width) for cell in column])
    text = ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
    rule = "-" * max(map(len, text))
    for place in sorted(rules, reverse=True):
        text.insert(place, rule)
    return "\n".join(text)
