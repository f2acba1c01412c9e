"""Which of a run's checkpoints are kept when a new one is there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any


def policy(latest: int, every: int) -> Any:
    """orbax's rule: the latest ones, the one with the best top-1, and the first of every period.

    Args:
      latest: how many of the newest, at least 1.
      every: the period in steps; 0 for none.
    """
    from orbax.checkpoint import v1 as ocp

    policies = ocp.training.preservation_policies
    best = policies.BestN(get_metric_fn=lambda metrics: metrics["top1"], n=1)
    best.keep_checkpoints_without_metrics = False
    rules = [policies.LatestN(latest), best, FirstOfEach(every)]
    return policies.AnyPreservationPolicy(rules)


class FirstOfEach:
    """Preserves the first step at or after each multiple of `every`, if that is not 0."""

    def __init__(self, every: int) -> None:
        self._every = every

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        if not self._every:
            return [False] * len(checkpoints)
        places = [0, *(found.step // self._every for found in checkpoints)]
        return [now > before for before, now in itertools.pairwise(places)]
