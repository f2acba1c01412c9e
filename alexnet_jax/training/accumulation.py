"""Gradients of a batch computed in equal parts, one at a time, in the memory of one part."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture, Params
from alexnet_jax.training.state import TrainState

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]
Sums = tuple[Params, Metrics]  # gradients and metrics
GradientFunction = Callable[[TrainState, Batch, Statistics], Sums]

# Bytes of the outputs of all layers, in float32, that a CPU's caches hold together well enough. On
# two cores of an AMD EPYC, jax 0.12, us an image of a training step, all at once and in these
# parts: `small` 187 and 153 with 512 images; `tiny`, with 192 maps in conv3 to conv5, 740 and 672
# with 128, 833 and 656 with 512; `cifar_11pct` 313 and 300 with 128; `cifar_80sec` 291 and 267 with
# 256. Parts of half this size take up to a fifth longer.
_CACHED = 36_000_000


def parts_in_caches(architecture: Architecture, images: int) -> int:
    """Return the number of equal parts in which a CPU computes a step on `images` images fastest.

    It is more than one if the caches do not hold the outputs of all layers, if a part's outputs are
    no smaller than the weights, whose gradients are added up for every part, and if the images can
    be divided into equal parts of at least half the size that the caches hold.
    """
    layers = tuple(architecture.placed())
    weights = sum(layer.parameters for layer in layers)
    outputs = sum(math.prod(layer.output) for layer in layers)
    least = -(-4 * images * outputs // _CACHED)
    equal = (parts for parts in range(least, 2 * least + 1) if images % parts == 0)
    parts = next(equal, 1)
    return parts if weights <= images // parts * outputs else 1


def mean_over_parts(
    gradients_of: GradientFunction, parts: int, shardings: object
) -> GradientFunction:
    """Return a function that averages the results of `gradients_of` over equal parts of a batch.

    The parts are computed in a loop. Both functions map (state, batch, statistics) to (gradients,
    metrics).

    Args:
      gradients_of: function that computes the gradients and metrics of one part.
      parts: number of parts; must divide the batch.
      shardings: shardings of the gradients and of the metrics.
    """

    def mean(state: TrainState, batch: Batch, statistics: Statistics) -> Sums:
        def of_part(part: jax.Array) -> Sums:
            return gradients_of(state, _select_part(batch, part, parts), statistics)

        def add(sums: Sums, part: jax.Array) -> tuple[Sums, None]:
            sums = jax.tree.map(jnp.add, sums, of_part(part))
            return jax.lax.with_sharding_constraint(sums, shardings), None

        zeros: Sums = jax.tree.map(jnp.zeros_like, jax.eval_shape(of_part, jnp.int32(0)))
        sums, _ = jax.lax.scan(add, zeros, jnp.arange(parts, dtype=jnp.int32))
        means: Sums = jax.tree.map(lambda leaf: leaf / parts, sums)
        return means

    return mean


def _select_part(batch: Batch, part: jax.Array, parts: int) -> Batch:
    """Return the rows part, part + parts, part + 2 parts, ... of a batch.

    With this stride, each device's rows are divided into parts just as the whole batch is.
    """

    def select(leaf: jax.Array) -> jax.Array:
        split = leaf.reshape((leaf.shape[0] // parts, parts, *leaf.shape[1:]))
        chosen: jax.Array = jax.lax.dynamic_index_in_dim(split, part, 1, keepdims=False)
        return chosen

    chosen: Batch = jax.tree.map(select, batch)
    return chosen
