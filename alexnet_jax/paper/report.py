"""Report of each claim's runs: an interval, a verdict, and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from alexnet_jax.display import format_table
from alexnet_jax.paper.claims import Claim
from alexnet_jax.paper.runs import Outcome

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return (mean, half-width) of the 95 % confidence interval of a mean, by Student's t.

        half = t_{n-1, .975} s / sqrt(n),   s^2 = sum (x - mean)^2 / (n - 1)

    The half-width for a single value, whose spread is unknown, is infinite.
    """
    from scipy.stats import t

    samples = np.asarray(values, np.float64)
    mean, count = float(samples.mean()), len(samples)
    if count < 2:
        return mean, math.inf
    spread = float(samples.std(ddof=1)) / math.sqrt(count)
    return mean, float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * spread


def verdict(outcome: Outcome) -> str:
    """Judge a claim by its runs.

    The interval of the differences between runs of the same seed is compared with 0. For ratios it
    is the interval of their logarithms.
    """
    differences = outcome.compared
    if not all(map(math.isfinite, differences)):
        return "not reached in these runs"
    if outcome.claim.ratio:
        differences = tuple(map(math.log, differences))
    if len(differences) < 2:
        return "one seed says nothing"
    mean, half = interval(differences)
    if mean - half > 0:
        return "shown"
    if mean + half < 0:
        return "the opposite"
    return "no difference seen"


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """Return a claim's outcome for JSON; values that were not reached are null."""
    claim = outcome.claim

    def known(values: Sequence[float]) -> list[float | None]:
        return [value if math.isfinite(value) else None for value in values]

    return {
        "claim": claim.name,
        "says": claim.says,
        "source": claim.source,
        "found_then": claim.paper,
        "expected": claim.expected,
        "unit": "ratio" if claim.ratio else claim.unit,
        "ours": {"name": claim.ours.label, "values": known(outcome.ours)},
        "other": {"name": claim.other.label, "values": known(outcome.other)},
        "compared": known(outcome.compared),
        "verdict": verdict(outcome),
        "note": claim.note,
    }


def format_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Format a line for each claim: the published result, those of the runs, and the verdict."""
    heads = ("claim", "then", "ours", "other", "difference (95 %)", "")
    lines = [heads, *(_cells(outcome) for outcome in outcomes)]
    return format_table(lines, left=len(heads), rules=())


def _cells(outcome: Outcome) -> tuple[str, ...]:
    claim = outcome.claim
    then = "" if claim.expected is None else f"x{claim.expected:g}"
    if claim.expected is not None and not claim.ratio:
        then = f"{claim.expected:+g}"
    return (
        claim.name,
        then,
        _mean(outcome.ours),
        _mean(outcome.other),
        difference(claim, outcome.compared),
        verdict(outcome),
    )


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4g}" if all(map(math.isfinite, values)) else "-"


def difference(claim: Claim, values: Sequence[float]) -> str:
    """Format the mean and interval of the compared values; for ratios the geometric mean.

    A single value has no interval.
    """
    if not all(map(math.isfinite, values)):
        return "-"
    if claim.ratio:
        mean, half = interval(tuple(map(math.log, values)))
        low, high = (math.exp(mean - half), math.exp(mean + half)) if half < 5 else (0, math.inf)
        known = f" ({low:.2f} to {high:.2f})" if len(values) > 1 else ""
        return f"x{math.exp(mean):.2f}{known}"
    mean, half = interval(values)
    if len(values) == 1:
        return f"{mean:+.2f} {claim.unit}"
    return f"{mean:+.2f} ± {half:.2f} {claim.unit}"
