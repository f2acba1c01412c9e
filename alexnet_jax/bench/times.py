"""Times of interleaved repetitions, and their statistics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_SAMPLE = 0.25  # s; shorter steps are repeated until a sample takes about as long


class Timed(Protocol):
    """Work whose steps can be timed."""

    def seconds(self, steps: int) -> float: ...


@dataclass(frozen=True)
class Times:
    """Samples of the time (s) of a step, in the order of measurement."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the first and third quartiles, which equal the sample if there is only one."""
        if len(self.samples) == 1:
            return self.samples[0], self.samples[0]
        first, _, third = statistics.quantiles(self.samples, n=4, method="inclusive")
        return first, third

    def to_json(self) -> dict[str, Any]:
        return {
            "median_seconds": self.median,
            "quartiles_seconds": list(self.spread),
            "least_seconds": min(self.samples),
            "samples_seconds": list(self.samples),
        }


def steps_of_sample(step_seconds: float) -> int:
    """Return the number of steps in a sample, given the approximate time (s) of a step."""
    return max(1, math.ceil(_SAMPLE / step_seconds))


def interleaved(
    sides: Mapping[str, Timed], steps: Mapping[str, int], rounds: int
) -> dict[str, Times]:
    """Time all sides in turns; every other round has the reverse order.

    Slow changes of a shared machine, such as its clock rate and other load, affect all sides alike,
    and no side always follows the same other side.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        order: Sequence[str] = list(sides)
        for name in order if number % 2 == 0 else reversed(order):
            samples[name].append(sides[name].seconds(steps[name]))
    return {name: Times(tuple(seconds)) for name, seconds in samples.items()}


def ratio(peer: Times, ours: Times) -> float:
    """Return the peer's median time over ours."""
    return peer.median / ours.median
