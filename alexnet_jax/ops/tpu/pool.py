"""Max pooling 3x3/2 of maps, rectified and normalized on the way, in one kernel."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.tpu import tiles
from alexnet_jax.ops.tpu.tiles import LANES

Index = jax.Array | int


def pooled(side: int) -> int:
    """Number of windows of 3, 2 apart, along a side."""
    return (side - 3) // 2 + 1


def pool(tail: Tail, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Compute max_pool(norm(max(x + bias, 0))): [H, W, C, B] to [H', W', C, B].

    Step i along the rows reads rows 2i and 2i + 1 and writes row i - 1 of the result, so that each
    value is read once. The maximum of the two rows is kept for the next step.
    """
    height, width, maps, images = x.shape
    rows, columns = pooled(height), pooled(width)
    padded = tiles.padded_shape(tail.norm, maps) if tail.norm else (8, LANES)
    scratch = [pltpu.VMEM((width, maps, LANES), x.dtype), pltpu.VMEM((4, *padded), jnp.float32)]
    return tiles.call(
        partial(_kernel, tail),
        "normalize_and_pool" if tail.norm else "max_pool",
        (x, tiles.broadcast(bias)),
        [
            pl.BlockSpec((2, width, maps, LANES), lambda b, i: (i, 0, 0, b)),
            pl.BlockSpec((maps, LANES), lambda b, i: (0, 0)),
        ],
        (jax.ShapeDtypeStruct((rows, columns, maps, images), x.dtype),),
        (pl.BlockSpec((1, columns, maps, LANES), lambda b, i: (jnp.maximum(i - 1, 0), 0, 0, b)),),
        (pl.cdiv(images, LANES), rows + 1),
        scratch,
        operations=30 if tail.norm else 4,
    )[0]


def _kernel(
    tail: Tail, x: jax.Ref, bias: jax.Ref, y: jax.Ref, above: jax.Ref, pads: jax.Ref
) -> None:
    """Write a row of maxima. `above` holds the maxima of the two rows of the step before."""

    @pl.when(pl.program_id(1) == 0)
    def _() -> None:
        fill(pads, 0.0)

    def value(row: int, w: Index, slot: int) -> jax.Array:
        a = tiles.unit(tail, x[row, w], bias[...])
        if tail.norm is not None:
            root = tiles.root(tail.norm, a, pads.at[2 * slot + row])
            a = a * tiles.powers(tail.norm, root)[0]
        return a.astype(y.dtype).astype(jnp.float32)

    def column(w: Index, slot: int) -> jax.Array:
        """Maximum of three rows. `slot` tells columns apart that are computed side by side."""
        first, second = value(0, w, slot), value(1, w, slot)
        top = above[w].astype(jnp.float32)
        above[w] = jnp.maximum(first, second).astype(above.dtype)
        return jnp.maximum(top, first)

    def window(j: jax.Array, left: jax.Array) -> jax.Array:
        """Write maximum j - 1; `left` is that of its first two columns."""
        middle = column(2 * j, 0)
        y[0, j - 1] = jnp.maximum(left, middle).astype(y.dtype)
        return jnp.maximum(middle, column(2 * j + 1, 1))

    columns = y.shape[1]
    left = lax.fori_loop(1, columns, window, jnp.maximum(column(0, 0), column(1, 1)))
    y[0, columns - 1] = jnp.maximum(left, column(2 * columns, 0)).astype(y.dtype)


def fill(ref: jax.Ref, value: float) -> None:
    """Write one value everywhere."""
    ref[...] = jnp.full(ref.shape, value, ref.dtype)
