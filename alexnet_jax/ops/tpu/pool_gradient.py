"""Gradient of the pooling kernel, with that of normalization and rectification."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.tpu import columns, tiles
from alexnet_jax.ops.tpu.pool import Index, fill, pooled
from alexnet_jax.ops.tpu.tiles import LANES


def pool_gradient(
    tail: Tail, x: jax.Array, bias: jax.Array, g: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Compute the gradients of `pool`'s arguments, [H, W, C, B] and [C], from that of its result.

    Nothing but x is needed of the forward pass: y and the maxima are computed again.

    Step i along the rows reads rows 2i and 2i + 1 of x and row i - 1 of g, whose windows end in
    row 2i, and writes rows 2i - 2 and 2i - 1 of the gradient, to which no later window adds.
    """
    height, width, maps, images = x.shape
    rows, across = pooled(height), pooled(width)
    row, two = (width, maps, LANES), (2, width, maps, LANES)
    unused = (1, 8, LANES)
    padded = tiles.padded_shape(tail.norm, maps) if tail.norm else unused
    scratch = [
        pltpu.VMEM(two, x.dtype),
        pltpu.VMEM((2, *two), x.dtype),
        pltpu.VMEM(row, jnp.float32),
        pltpu.VMEM((across + 2, maps, LANES), jnp.float32),
        pltpu.VMEM((2, *two) if tail.norm else (2, *unused), jnp.float32),
        pltpu.VMEM((2, *padded), jnp.float32),
        pltpu.VMEM((2, maps, LANES), jnp.float32),
    ]
    blocks = [
        pl.BlockSpec(two, lambda b, i: (jnp.minimum(i, rows), 0, 0, b)),
        pl.BlockSpec((maps, LANES), lambda b, i: (0, 0)),
        pl.BlockSpec(
            (1, across, maps, LANES), lambda b, i: (jnp.clip(i - 1, 0, rows - 1), 0, 0, b)
        ),
    ]
    dx, sums = tiles.call(
        partial(_kernel, tail, height),
        "normalize_and_pool_gradient" if tail.norm else "max_pool_gradient",
        (x, tiles.broadcast(bias), g),
        blocks,
        (
            jax.ShapeDtypeStruct(x.shape, x.dtype),
            jax.ShapeDtypeStruct((maps, images), jnp.float32),
        ),
        (
            pl.BlockSpec(two, lambda b, i: (jnp.maximum(i - 1, 0), 0, 0, b)),
            pl.BlockSpec((maps, LANES), lambda b, i: (0, b)),
        ),
        (pl.cdiv(images, LANES), rows + 2),
        scratch,
        operations=60 if tail.norm else 14,
    )
    return dx, jnp.sum(sums, 1).astype(bias.dtype)


def fits(tail: Tail, shape: tuple[int, int, int, int], itemsize: int) -> bool:
    """Whether the kernels take arrays [H, W, C, B] of values of that many bytes.

    B must fill whole registers: for other batches XLA lays out arrays in other ways, and would copy
    them before and after a kernel.
    """
    height, width, maps, images = shape
    if images == 0 or images % LANES or min(height, width) < 3 or maps == 0:
        return False
    if tail.norm is not None and not tiles.takes(tail.norm, maps):
        return False
    pair = 2 * width * maps * LANES  # values of two rows
    blocks = 7 * pair * itemsize + 3 * pair * 4 + (2 * pair * 4 if tail.norm else 0)
    return blocks <= tiles.VMEM


def _kernel(
    tail: Tail,
    height: int,
    x: jax.Ref,
    bias: jax.Ref,
    g: jax.Ref,
    dx: jax.Ref,
    sums: jax.Ref,
    x_before: jax.Ref,
    y: jax.Ref,
    dy: jax.Ref,
    maxima: jax.Ref,
    roots: jax.Ref,
    pads: jax.Ref,
    slopes: jax.Ref,
) -> None:
    """Write two rows of the gradient.

    Args:
      sums: of the gradient over rows and columns, for the bias.
      x_before: the two rows of x of the step before.
      y: two pairs of rows, of this step and of the one before, in turn.
      dy: gradient of y's row 2i by the windows that end in it.
      maxima: of a row of windows, with NaN, which equals nothing, before and after them.
      roots, pads: roots of the normalization, like y, and padded tiles.
      slopes: gradients of a column of two rows, without the neighbours' terms.
    """
    step, rows = pl.program_id(1), pooled(height)
    new, old = lax.rem(step, 2), lax.rem(step + 1, 2)

    @pl.when(step == 0)
    def _() -> None:
        fill(dy, 0.0)
        fill(sums, 0.0)
        fill(pads, 0.0)

    @pl.when((step == 0) | (step > rows))
    def _() -> None:
        fill(maxima, jnp.nan)

    @pl.when(step <= rows)
    def _() -> None:
        _each(x.shape[1], partial(_normalize, tail, x, bias, y.at[new], roots.at[new], pads))

    @pl.when((step > 0) & (step <= rows))
    def _() -> None:
        _find_maxima(y.at[old], y.at[new], maxima)

    @pl.when(step > 0)
    def _() -> None:
        of_y = (y.at[old, 0], y.at[old, 1], y.at[new, 0])
        before = partial(columns.undo_pooling, tail, x_before, bias, roots.at[old])
        after = partial(columns.undo_normalization, tail, x_before, bias)
        # The last of an odd number of rows is alone: beside it there are no numbers.
        whole = 2 * step - 1 < height

        def column(w: Index, *windows: Index) -> None:
            before(columns.spread(of_y, maxima, g, w, windows), dy, pads, slopes, w)
            after(pads, slopes, dx, sums, whole, w)

        def pair(j: Index) -> None:
            column(2 * j, j - 1, j)
            column(2 * j + 1, j)

        pairs = x.shape[1] // 2
        _each(pairs, pair)
        if x.shape[1] % 2:
            column(2 * pairs, pairs - 1, pairs)

    @pl.when(step <= rows)
    def _() -> None:
        _each(x.shape[1], partial(_copy, x, x_before))


def _each(count: int, body: Callable[[Index], None]) -> None:
    """Call `body` with 0 ... count - 1, in a loop of the program."""
    lax.fori_loop(0, count, lambda i, _: body(i), None)


def _copy(source: jax.Ref, target: jax.Ref, w: Index) -> None:
    for row in range(2):
        target[row, w] = source[row, w]


def _normalize(
    tail: Tail,
    x: jax.Ref,
    bias: jax.Ref,
    y: jax.Ref,
    roots: jax.Ref,
    pads: jax.Ref,
    w: Index,
) -> None:
    """Write y, and the roots of the normalization, for a column of two rows."""
    for row in range(2):
        a = tiles.unit(tail, x[row, w], bias[...])
        if tail.norm is not None:
            root = tiles.root(tail.norm, a, pads.at[row])
            roots[row, w] = root
            a = a * tiles.powers(tail.norm, root)[0]
        y[row, w] = a.astype(y.dtype)


def _find_maxima(above: jax.Ref, y: jax.Ref, maxima: jax.Ref) -> None:
    """Write the maxima of windows over the two rows `above` and the first of y."""

    def column(w: Index) -> jax.Array:
        three = (above[0, w], above[1, w], y[0, w])
        top: jax.Array = functools.reduce(jnp.maximum, (row.astype(jnp.float32) for row in three))
        return top

    def window(j: Index, left: jax.Array) -> jax.Array:
        right = column(2 * j + 2)
        maxima[j + 1] = jnp.maximum(jnp.maximum(left, column(2 * j + 1)), right)
        return right

    lax.fori_loop(0, maxima.shape[0] - 2, window, column(0))
