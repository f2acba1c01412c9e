"""Gradients of one column of maps, [C, L] in each of two rows, in the kernel of the gradient.

Maps are taken in pieces whose values stay in the registers (`tiles.pieces`): with 256 maps at once
a third of the instructions moved values out of the way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.tpu import tiles
from alexnet_jax.ops.tpu.pool import Index

# From maps to the gradients of three rows of y there.
Spread = Callable[[pl.Slice], list[jax.Array]]


def spread(
    rows: tuple[jax.Ref, ...], maxima: jax.Ref, g: jax.Ref, w: Index, windows: tuple[Index, ...]
) -> Spread:
    """Return the function to the gradients of rows of y, by the windows that contain column w.

    Every value that equals the maximum of a window receives the whole of its g.
    """
    last = g.shape[1] - 1

    def gradients(maps: pl.Slice) -> list[jax.Array]:
        # Beside the first and the last window the maximum is NaN, and g is not used.
        pairs = [
            (maxima[j + 1, maps], g[0, jnp.clip(j, 0, last), maps].astype(jnp.float32))
            for j in windows
        ]
        values = [row[w, maps].astype(jnp.float32) for row in rows]
        return [
            functools.reduce(jnp.add, (jnp.where(value == top, slope, 0.0) for top, slope in pairs))
            for value in values
        ]

    return gradients


def undo_pooling(
    tail: Tail,
    x: jax.Ref,
    bias: jax.Ref,
    roots: jax.Ref,
    gradients: Spread,
    dy: jax.Ref,
    pads: jax.Ref,
    slopes: jax.Ref,
    w: Index,
) -> None:
    """Write the own terms of the gradient to `slopes`, and the neighbours' terms to `pads`.

    `dy` holds what earlier windows gave to the first row, and then what these give to the third.
    """
    for maps, count, first in tiles.pieces(tail.norm, bias.shape[0]):
        upper, lower, third = gradients(maps)
        both = (dy[w, maps] + upper, lower)
        dy[w, maps] = third
        for row, slope in enumerate(both):
            if tail.norm is not None:
                power, power_below = tiles.powers(tail.norm, roots[row, w, maps])
                inner = slope * tiles.unit(tail, x[row, w, maps], bias[maps]) * power_below
                pads[row, pl.ds(first, count)] = inner
                slope = slope * power
            slopes[row, maps] = slope


def undo_normalization(
    tail: Tail,
    x: jax.Ref,
    bias: jax.Ref,
    pads: jax.Ref,
    slopes: jax.Ref,
    dx: jax.Ref,
    sums: jax.Ref,
    whole: jax.Array,
    w: Index,
) -> None:
    """Write the gradient of two rows of x, and add it to the bias's; `whole`: both rows exist."""
    for maps, count, first in tiles.pieces(tail.norm, bias.shape[0]):
        for row in range(2):
            a = tiles.unit(tail, x[row, w, maps], bias[maps])
            slope = slopes[row, maps]
            if tail.norm is not None:
                total = tiles.mirrored_sum(tail.norm, first, count, pads.at[row])
                slope = slope - (2 * tail.norm.alpha * tail.norm.beta) * a * total
            if tail.rectify:
                slope = jnp.where(a > 0.0, slope, 0.0)
            dx[row, w, maps] = slope.astype(dx.dtype)
            sums[maps] += slope if row == 0 else jnp.where(whole, slope, 0.0)
