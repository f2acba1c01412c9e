"""Judgement of a claim by its runs: an interval, words, and how many seeds would be enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from alexnet_jax.paper.claims import Claim
from alexnet_jax.paper.measures import Outcome

CONFIDENCE = 0.95
Kind = Literal["shown", "opposite", "small", "undecided", "none"]


class Margin(NamedTuple):
    """Size of a difference that counts as none.

    Attributes:
      limit: largest such difference: of a ratio, the logarithm of a factor.
      step: sizes are told in multiples of it, rounded up: of a ratio, multiples of the factor.
      words: text of a size.
    """

    limit: float
    step: float
    words: str


MARGINS = {
    "% wrong": Margin(1.0, 0.1, "{:.1f} points"),
    "nats": Margin(0.1, 0.01, "{:.2f} nats"),
    "ratio": Margin(math.log(1.1), 0.01, "a factor of {:.2f}"),
}


class Verdict(NamedTuple):
    """Verdict on a claim: its kind ("none": the runs cannot be judged), and words for reports."""

    kind: Kind
    words: str


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return (mean, half-width) of the 95 % confidence interval of a mean, by Student's t.

        half = t_{n-1, .975} s / sqrt(n),   s^2 = sum (x - mean)^2 / (n - 1)

    The half-width for a single value, whose spread is unknown, is infinite.
    """
    samples = np.asarray(values, np.float64)
    mean, count = float(samples.mean()), len(samples)
    if count < 2:
        return mean, math.inf
    spread = float(samples.std(ddof=1)) / math.sqrt(count)
    return mean, float(_quantile(count - 1)) * spread


def _quantile(freedom: int | np.ndarray) -> np.ndarray:
    """Return Student's t_{freedom, .975}."""
    from scipy.stats import t

    return np.asarray(t.ppf((1 + CONFIDENCE) / 2, freedom))


def margin_of(claim: Claim) -> Margin:
    """Return the margin of a claim's differences or ratios."""
    return MARGINS["ratio" if claim.ratio else claim.unit]


def differences(outcome: Outcome) -> tuple[float, ...]:
    """Return the differences of each seed; of ratios, their logarithms."""
    compared = outcome.compared
    return tuple(map(math.log, compared)) if outcome.claim.ratio else compared


def verdict(outcome: Outcome) -> Verdict:
    """Judge a claim by the 95 % interval of the differences between runs of the same seed.

    Of ratios, it is the interval of their logarithms. "Within" is within the margin of a point, of
    .1 nats or of a factor of 1.1 on either side of no difference.

    | interval | claim of a difference | claim of none |
    |---|---|---|
    | within | as below; holding 0: smaller than its larger end | shown, within its larger end |
    | above 0 | shown | the opposite |
    | below 0 | the opposite | the opposite |
    | else | undecided | undecided |
    """
    claim, compared = outcome.claim, outcome.compared
    if not compared:
        return Verdict("none", "not run")
    if any(map(math.isnan, (*outcome.ours, *outcome.other))):
        return Verdict("none", "a run failed")
    if not all(map(math.isfinite, (*outcome.ours, *outcome.other))):
        return Verdict("none", "not reached in these runs")
    if len(compared) < 2:
        return Verdict("none", "one seed decides nothing")
    mean, half = interval(differences(outcome))
    low, high = mean - half, mean + half
    larger = max(abs(low), abs(high))
    within = larger <= margin_of(claim).limit
    if claim.same and within:
        return Verdict("shown", f"shown, within {size(claim, larger)}")
    if low > 0 and not claim.same:
        return Verdict("shown", "shown")
    if low > 0 or high < 0:
        return Verdict("opposite", "the opposite")
    if within:
        return Verdict("small", f"smaller than {size(claim, larger)}")
    return Verdict("undecided", "undecided")


def size(claim: Claim, difference: float) -> str:
    """Return the size of a difference in words, rounded up, so that "smaller than" it is true."""
    margin = margin_of(claim)
    value = math.exp(difference) if claim.ratio else difference
    least = 1 + margin.step if claim.ratio else margin.step
    rounded = math.ceil(round(value / margin.step, 9)) * margin.step
    return margin.words.format(max(rounded, least))


def seeds_needed(outcome: Outcome) -> int | None:
    """Estimate how many seeds would decide a claim, or show that its difference is small.

    That is the smallest n with

        t_{n-1, .975} s / sqrt(n) <= max(|mean|, limit - |mean|)

    where the mean and the standard deviation s are those of the differences seen so far, which
    those of more seeds will not quite be. None: more than ten thousand, or unknown.
    """
    values = differences(outcome) if verdict(outcome).kind == "undecided" else ()
    if len(values) < 2:
        return None
    mean, spread = abs(float(np.mean(values))), float(np.std(values, ddof=1))
    counts = np.arange(2, 10_001)
    halves = _quantile(counts - 1) * spread / np.sqrt(counts)
    enough = halves <= max(mean, margin_of(outcome.claim).limit - mean)
    return int(counts[enough.argmax()]) if enough.any() else None
