"""Times of interleaved repetitions, and what they say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_SAMPLE = 0.25  # s; shorter steps are repeated until a sample takes about as long


class Timed(Protocol):
    def seconds(self, steps: int) -> float: ...


@dataclass(frozen=True)
class Times:
    """Samples of the s of a step, in the order in which they were taken."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and third quartiles; of a single sample, that."""
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
    """How many steps of about so many s make a sample."""
    return max(1, math.ceil(_SAMPLE / step_seconds))


def interleaved(
    sides: Mapping[str, Timed], steps: Mapping[str, int], rounds: int
) -> dict[str, Times]:
    """The times of all sides, which take turns; every other round goes backwards.

    What drifts over seconds, as a shared machine's clock and neighbours do, meets all alike, and
    no side always follows the same one.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        order: Sequence[str] = list(sides)
        for name in order if number % 2 == 0 else reversed(order):
            samples[name].append(sides[name].seconds(steps[name]))
    return {name: Times(tuple(found)) for name, found in samples.items()}


def ratio(peer: Times, ours: Times) -> float:
    """How many times as long the peer takes: median over median."""
    return peer.median / ours.median
