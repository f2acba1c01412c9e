"""What was done on purpose, how often, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table of faults. What is not as it should be raises instead."""

    fault: str
    count: int
    outcome: str


def table(rows: Sequence[tuple[Row, float]]) -> str:
    """The rows, with the seconds that each took, as Markdown."""
    lines = ["| fault | times | outcome | seconds |", "|---|---:|---|---:|"]
    lines += [f"| {row.fault} | {row.count} | {row.outcome} | {s:.0f} |" for row, s in rows]
    return "\n".join(lines) + "\n"
