"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def format_milliseconds(seconds: float) -> str:
    """Format seconds as milliseconds, with at least three digits."""
    value = 1e3 * seconds
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def format_table(lines: Iterable[Iterable[str]], left: int = 0, rules: Iterable[int] = (1,)) -> str:
    """Format lines of cells as a table of columns, two spaces apart.

    Args:
      lines: the cells of each line.
      left: number of columns, from the first, that are aligned left; the others are aligned right.
      rules: indices of the lines above which a rule is drawn.
    """
    columns = []
    for position, column in enumerate(zip(*lines, strict=True)):
        width = max(map(len, column))
        side = str.ljust if position < left else str.rjust
        columns.append([side(cell, width) for cell in column])
    text = ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
    rule = "-" * max(map(len, text))
    for index in sorted(rules, reverse=True):
        text.insert(index, rule)
    return "\n".join(text)


def format_markdown(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 0) -> str:
    """Format a table in Markdown, its first `left` columns aligned left and the others right."""
    marks = ["---" if column < left else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))
