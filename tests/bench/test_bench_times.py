"""Interleaved times, ratios and counts, from made-up clocks."""

from collections.abc import Iterator

import pytest

from alexnet_jax.bench.report import counted
from alexnet_jax.bench.times import Times, interleaved, ratio, steps_of_sample
from alexnet_jax.network.presets import architecture


class Side:
    """Says that it was called, and takes what it is told to."""

    def __init__(self, name: str, calls: list[tuple[str, int]], times: list[float]) -> None:
        self._name, self._calls, self._times = name, calls, iter(times)

    def seconds(self, steps: int) -> float:
        self._calls.append((self._name, steps))
        return next(self._times)


def test_sides_take_turns_in_both_directions() -> None:
    calls: list[tuple[str, int]] = []
    sides = {"a": Side("a", calls, [1.0, 2.0, 3.0]), "b": Side("b", calls, [5.0, 6.0, 9.0])}
    found = interleaved(sides, {"a": 2, "b": 7}, 3)
    assert calls == [("a", 2), ("b", 7), ("b", 7), ("a", 2), ("a", 2), ("b", 7)]
    assert found == {"a": Times((1.0, 2.0, 3.0)), "b": Times((5.0, 6.0, 9.0))}
    assert ratio(found["b"], found["a"]) == 3.0


def test_spread_and_json() -> None:
    times = Times((4.0, 1.0, 2.0, 3.0, 100.0))
    assert (times.median, times.spread) == (3.0, (2.0, 4.0))
    assert Times((7.0,)).spread == (7.0, 7.0)
    assert times.to_json() == {
        "median_seconds": 3.0,
        "quartiles_seconds": [2.0, 4.0],
        "least_seconds": 1.0,
        "samples_seconds": [4.0, 1.0, 2.0, 3.0, 100.0],
    }


@pytest.mark.parametrize(("step", "steps"), [(3.0, 1), (0.25, 1), (0.1, 3), (0.001, 250)])
def test_a_sample_takes_a_quarter_of_a_second(step: float, steps: int) -> None:
    assert steps_of_sample(step) == steps


def test_counted_operations() -> None:
    """1.45e9 an image of the paper's network forward, 4.14e9 in training."""
    paper = architecture("paper")
    assert counted(paper, "infer", 1) == 2 * 724_406_816
    conv1 = 2 * 55 * 55 * 96 * 11 * 11 * 3
    assert counted(paper, "train", 10) == 10 * (3 * 2 * 724_406_816 - conv1)
    assert counted(paper, "train", 1) == pytest.approx(4.14e9, rel=2e-3)


def test_calls_are_queued_until_a_sample_is_long_enough() -> None:
    """4 calls of 12 ms in each of five samples; the median of the samples, for one call."""
    from alexnet_jax.bench.layer_times import seconds_per_call

    ticks: Iterator[float] = iter(
        [0.0, 0.012, *(t for n, d in enumerate([0.04, 0.08, 0.06, 9.0, 0.02]) for t in (n, n + d))]
    )
    made: list[int] = []
    assert seconds_per_call(lambda: made.append(1), lambda: next(ticks)) == pytest.approx(0.015)
    assert len(made) == 2 + 5 * 4
