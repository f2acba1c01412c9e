"""What the runs say of each claim: an interval, a verdict, and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from alexnet_jax.display import aligned
from alexnet_jax.paper.claims import Claim
from alexnet_jax.paper.runs import Outcome

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> tuple[float, float]:
    """(mean, half-width) of the 95 % interval of a mean, by Student's t.

        half = t_{n-1, .975} s / sqrt(n),   s^2 = sum (x - mean)^2 / (n - 1)

    Infinite half-width for one value: nothing is known of its spread.
    """
    from scipy.stats import t

    found = np.asarray(values, np.float64)
    mean, count = float(found.mean()), len(found)
    if count < 2:
        return mean, math.inf
    spread = float(found.std(ddof=1)) / math.sqrt(count)
    return mean, float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * spread


def verdict(outcome: Outcome) -> str:
    """What may be said of a claim after these runs.

    The interval is of the differences between runs of the same seed; ratios are compared with 1,
    as logarithms.
    """
    found = outcome.compared
    if not all(map(math.isfinite, found)):
        return "not reached in these runs"
    if outcome.claim.ratio:
        found = tuple(map(math.log, found))
    if len(found) < 2:
        return "one seed says nothing"
    mean, half = interval(found)
    if mean - half > 0:
        return "shown"
    if mean + half < 0:
        return "the opposite"
    return "no difference seen"


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """All of a claim's outcome, for JSON; what was not reached is null."""
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
    """A line a claim: what was found then, what now, and what may be said."""
    heads = ("claim", "then", "ours", "other", "difference (95 %)", "")
    lines = [heads, *(_cells(outcome) for outcome in outcomes)]
    return aligned(lines, left=len(heads), rules=())


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
    """The compared values' mean and interval, as text; a ratio's mean is the geometric one.

    One value has no interval.
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
