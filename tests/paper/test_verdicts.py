"""Judgement of the claims: intervals, verdicts in true words, and seeds that are enough."""

import math

import numpy as np
import pytest
from scipy.stats import t

from alexnet_jax.paper.claims import Claim, Measure, Variant
from alexnet_jax.paper.measures import Outcome
from alexnet_jax.paper.verdicts import interval, seeds_needed, size, verdict


def claim(measure: Measure = "error", *, ratio: bool = False, same: bool = False) -> Claim:
    ours, other = (
        Variant("plain", measure=measure),
        Variant("other", {"batch": "32"}, measure=measure),
    )
    return Claim("c", "s", "p", "q", ours, other, 1.0, ratio, same)


def outcome(low: float, high: float, found: Claim) -> Outcome:
    """Two seeds whose differences, or logarithms of ratios, have the interval from low to high.

    Of two values m - d and m + d the mean is m, s = sqrt(2) d and the half-width
    t_{1, .975} d, which is 12.7062 d.
    """
    mean, d = (low + high) / 2, (high - low) / 2 / 12.706204736
    values = [mean - d, mean + d]
    if found.ratio:
        return Outcome(
            found, (0, 1), (100.0, 50.0), (100 * math.exp(values[0]), 50 * math.exp(values[1]))
        )
    return Outcome(found, (0, 1), (10.0, 20.0), (10 + values[0], 20 + values[1]))


def test_interval_by_hand() -> None:
    """For 1, 2, 3: mean 2, s = 1, t with two degrees of freedom 4.30265."""
    mean, half = interval([1, 2, 3])
    assert mean == 2
    assert half == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)
    assert interval([5.0]) == (5.0, math.inf)


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        mean, half = interval(generator.normal(7, 2, 3))
        inside += abs(mean - 7) <= half
    assert 0.935 < inside / 2000 < 0.965


# (low, high) of the interval in points, for the two kinds of claim
CASES = [
    (0.2, 0.5, "shown", "shown, within 0.5 points"),
    (0.2, 1.5, "shown", "the opposite"),
    (1.2, 1.5, "shown", "the opposite"),
    (-0.5, -0.2, "the opposite", "shown, within 0.5 points"),
    (-1.5, -0.2, "the opposite", "the opposite"),
    (-0.31, 0.52, "smaller than 0.6 points", "shown, within 0.6 points"),
    (-0.91, 0.2, "smaller than 1.0 points", "shown, within 1.0 points"),
    (-0.2, 1.1, "undecided", "undecided"),
    (-1.1, 0.2, "undecided", "undecided"),
]


@pytest.mark.parametrize(("low", "high", "differ", "same"), CASES)
def test_verdicts_in_points(low: float, high: float, differ: str, same: str) -> None:
    assert verdict(outcome(low, high, claim())).words == differ
    assert verdict(outcome(low, high, claim(same=True))).words == same


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.001, 0.5, "shown"),
        (-0.5, -0.001, "the opposite"),
        (-0.05, 0.092, "smaller than 0.10 nats"),
        (-0.05, 0.101, "undecided"),
    ],
)
def test_verdicts_in_nats(low: float, high: float, words: str) -> None:
    """A tenth of a nat counts as no difference."""
    assert verdict(outcome(low, high, claim("gap"))).words == words


@pytest.mark.parametrize(
    ("low", "high", "differ", "same"),
    [
        (1.01, 3.0, "shown", "the opposite"),
        (0.3, 0.99, "the opposite", "the opposite"),
        (0.95, 1.07, "smaller than a factor of 1.07", "shown, within a factor of 1.07"),
        (0.92, 1.01, "smaller than a factor of 1.09", "shown, within a factor of 1.09"),
        (0.90, 1.07, "undecided", "undecided"),
        (0.95, 1.11, "undecided", "undecided"),
    ],
)
def test_verdicts_on_ratios(low: float, high: float, differ: str, same: str) -> None:
    """A factor of 1.1 either way counts as no difference: 1 / .92 is 1.087, 1 / .9 is 1.11."""
    ends = math.log(low), math.log(high)
    assert verdict(outcome(*ends, claim("updates", ratio=True))).words == differ
    assert verdict(outcome(*ends, claim("updates", ratio=True, same=True))).words == same


def test_sizes_are_rounded_up_and_never_nothing() -> None:
    assert [size(claim(), x) for x in (0.0, 0.7, 0.7001)] == [
        "0.1 points",
        "0.7 points",
        "0.8 points",
    ]
    assert size(claim("gap"), 0.0301) == "0.04 nats"
    assert size(claim("updates", ratio=True), 0.0) == "a factor of 1.01"


@pytest.mark.parametrize(
    ("ours", "other", "words"),
    [
        ((), (), "not run"),
        ((2.0,), (3.0,), "one seed decides nothing"),
        ((2.0, 2.0), (3.0, math.inf), "not reached in these runs"),
        ((math.inf, math.inf), (math.inf, math.inf), "not reached in these runs"),
        ((2.0, math.nan), (3.0, math.inf), "a run failed"),
    ],
)
def test_what_cannot_be_judged(
    ours: tuple[float, ...], other: tuple[float, ...], words: str
) -> None:
    for ratio in (False, True):
        found = Outcome(claim(ratio=ratio), tuple(range(len(ours))), ours, other)
        assert verdict(found) == ("none", words)
        assert seeds_needed(found) is None


def seeds_by_hand(values: list[float], limit: float) -> int:
    mean, s = abs(np.mean(values)), np.std(values, ddof=1)
    n = 2
    while t.ppf(0.975, n - 1) * s / math.sqrt(n) > max(mean, limit - mean):
        n += 1
    return n


@pytest.mark.parametrize("values", [[2.0, -1.0, 0.5], [0.9, -0.4, 0.9], [0.2, -1.4, 1.1]])
def test_seeds_that_are_enough(values: list[float]) -> None:
    """As many as bring the interval off 0, or into the margin, whichever is first."""
    ours = (10.0, 11.0, 12.0)
    found = Outcome(
        claim(), (0, 1, 2), ours, tuple(a + b for a, b in zip(ours, values, strict=True))
    )
    assert verdict(found).words == "undecided"
    assert seeds_needed(found) == seeds_by_hand(values, 1.0) > 3
    ratios = Outcome(
        claim("updates", ratio=True), (0, 1, 2), ours, tuple(map(float, ours * np.exp(values)))
    )
    assert seeds_needed(ratios) == seeds_by_hand(values, math.log(1.1)) > 3


def test_no_seeds_are_asked_for_what_is_decided_or_hopeless() -> None:
    assert seeds_needed(outcome(0.2, 0.5, claim())) is None
    wide = Outcome(claim(), (0, 1), (500.0, 500.0), (0.0, 1000.9))
    assert verdict(wide).words == "undecided"
    assert seeds_needed(wide) is None


def test_differences_are_paired() -> None:
    """Seeds far apart do not widen the interval of their differences."""
    found = Outcome(claim(), (0, 1), (1.0, 5.0), (2.0, 6.01))
    assert found.compared == pytest.approx((1.0, 1.01))
    assert verdict(found).words == "shown"
