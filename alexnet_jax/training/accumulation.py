"""Gradients of a batch in equal parts, one after the other, in the memory of one part."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from alexnet_jax.data import Statistics
from alexnet_jax.network import Params
from alexnet_jax.training.state import TrainState

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]
Sums = tuple[Params, Metrics]  # gradients and metrics
GradientFunction = Callable[[TrainState, Batch, Statistics], Sums]


def mean_over_parts(gradients_of: GradientFunction, parts: int, places: object) -> GradientFunction:
    """A function like `gradients_of`, (state, batch, statistics) -> (gradients, metrics), whose
    results are means over equal parts of the batch, in a loop.

    Args:
      parts: number of parts, which divides the batch.
      places: shardings of the gradients and of the metrics.
    """

    def mean(state: TrainState, batch: Batch, statistics: Statistics) -> Sums:
        def of(part: jax.Array) -> Sums:
            return gradients_of(state, _part_of(batch, part, parts), statistics)

        def add(sums: Sums, part: jax.Array) -> tuple[Sums, None]:
            sums = jax.tree.map(jnp.add, sums, of(part))
            return jax.lax.with_sharding_constraint(sums, places), None

        zeros: Sums = jax.tree.map(jnp.zeros_like, jax.eval_shape(of, jnp.int32(0)))
        sums, _ = jax.lax.scan(add, zeros, jnp.arange(parts, dtype=jnp.int32))
        means: Sums = jax.tree.map(lambda leaf: leaf / parts, sums)
        return means

    return mean


def _part_of(batch: Batch, part: jax.Array, parts: int) -> Batch:
    """Every parts-th row, so that each device's share of a batch divides like the whole."""

    def rows(leaf: jax.Array) -> jax.Array:
        split = leaf.reshape((leaf.shape[0] // parts, parts, *leaf.shape[1:]))
        chosen: jax.Array = jax.lax.dynamic_index_in_dim(split, part, 1, keepdims=False)
        return chosen

    chosen: Batch = jax.tree.map(rows, batch)
    return chosen
