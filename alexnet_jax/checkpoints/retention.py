"""Which of a run's checkpoints are kept when a new one is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def policy(latest: int, every: int, top1: Callable[[int], float | None]) -> Any:
    """orbax's rule: the latest ones, the one with the best top-1, and the first of every period.

    Args:
      latest: how many of the newest, at least 1.
      every: the period in steps; 0 for none.
      top1: of a step, None where it was not measured.
    """
    from orbax.checkpoint import v1 as ocp

    policies = ocp.training.preservation_policies
    rules = [policies.LatestN(latest), Best(top1), FirstOfEach(every)]
    return policies.AnyPreservationPolicy(rules)


def best_of(steps: Iterable[int], top1: Callable[[int], float | None]) -> int | None:
    """The step with the highest top-1, the latest of equals; None where none was measured."""
    scored = [(found, step) for step in steps if (found := top1(step)) is not None]
    return max(scored)[1] if scored else None


class Best:
    """Preserves `best_of` the steps.

    orbax's own rule reads a file of metrics in each step's directory, and one that is damaged
    makes all of them unreadable.
    """

    def __init__(self, top1: Callable[[int], float | None]) -> None:
        self._top1 = top1

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        steps = [found.step for found in checkpoints]
        best = best_of(steps, self._top1)
        return [step == best for step in steps]


class FirstOfEach:
    """Preserves the first step at or after each multiple of `every`, if that is not 0."""

    def __init__(self, every: int) -> None:
        self._every = every

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        if not self._every:
            return [False] * len(checkpoints)
        places = [0, *(found.step // self._every for found in checkpoints)]
        return [now > before for before, now in itertools.pairwise(places)]
