"""Timings of alternative forms of layers, which the training step does not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax import ops
from alexnet_jax.bench.layer_counts import counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds
from alexnet_jax.bench.parts import Part
from alexnet_jax.bench.work import Work
from alexnet_jax.network import ONE_DEVICE, Context, Recomputed, Step


def alternatives(work: Work, part: Part) -> Iterator[Timing]:
    """Time the alternatives of a part.

    This is a normalization on its own, which shows what a hand-written kernel could gain over
    XLA's.
    """
    for group in part.steps:
        for step in group.steps if isinstance(group, Recomputed) else (group,):
            if step.kind == "norm":
                yield _norm_alone(work, step)


def _norm_alone(work: Work, step: Step) -> Timing:
    """Time a normalization without the layers that the step combines it with."""
    context = Context({}, ONE_DEVICE, None, jax.nn.relu, ops)

    def normalize(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        return step(context, x)

    times = layer_seconds(work, normalize, {}, step.placed, False)
    both = counts(step.placed, work.batch, jnp.dtype(work.dtype).itemsize, False)
    return Timing(step.placed.layer.name, times[0], both[0], times[1], both[1], alternative=True)
