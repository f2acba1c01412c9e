"""Rules that decide which checkpoints of a run are kept when a new one is saved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def policy(latest: int, every: int, top1: Callable[[int], float | None]) -> Any:
    """Return orbax's policy that keeps the newest steps, the best, and the first of every period.

    Args:
      latest: number of the newest steps to keep, at least 1.
      every: period in steps; 0 for none.
      top1: returns the top-1 of a step, or None if it was not measured.
    """
    from orbax.checkpoint import v1 as ocp

    policies = ocp.training.preservation_policies
    rules = [policies.LatestN(latest), Best(top1), FirstOfEach(every)]
    return policies.AnyPreservationPolicy(rules)


def best_of(steps: Iterable[int], top1: Callable[[int], float | None]) -> int | None:
    """Return the step with the highest top-1, the latest of equals; None if none was measured."""
    scored = [(score, step) for step in steps if (score := top1(step)) is not None]
    return max(scored)[1] if scored else None


class Best:
    """Preservation rule for the step that `best_of` returns.

    orbax's own rule reads a metrics file in each step's directory, and fails for all steps if one
    of them is damaged.
    """

    def __init__(self, top1: Callable[[int], float | None]) -> None:
        self._top1 = top1

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        steps = [checkpoint.step for checkpoint in checkpoints]
        best = best_of(steps, self._top1)
        return [step == best for step in steps]


class FirstOfEach:
    """Preservation rule for the first step at or after each multiple of `every`; for none if 0."""

    def __init__(self, every: int) -> None:
        self._every = every

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        if not self._every:
            return [False] * len(checkpoints)
        periods = [0, *(checkpoint.step // self._every for checkpoint in checkpoints)]
        return [now > before for before, now in itertools.pairwise(periods)]
