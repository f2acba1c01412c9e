"""Average pooling, whose windows may extend beyond the maps."""

from __future__ import annotations

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.check import compute_dtype, require_windows


def average_pool(
    x: jax.Array, *, size: int = 3, stride: int = 2, overhang: bool = False
) -> jax.Array:
    """Average over windows of `size` x `size`, `stride` S apart; if size > S they overlap.

        O_ij = (1 / N_ij) sum of I_{S i + p, S j + q} over the p, q in [0, size) inside the maps

    N_ij is the number of inputs in the sum, so that the average of a constant is that constant.

    Args:
      x: [..., H, W, C]; any leading axes.
      size: >= 1 and at most H and W.
      stride: >= 1.
      overhang: whether output sides are rounded up, ceil((H - size) / S) + 1: the last windows then
        extend beyond the bottom and right edges. Otherwise floor((H - size) / S) + 1.

    Returns:
      [..., H', W', C] in x's dtype.

    Raises:
      TypeError: x not floating, a size or stride that is not whole.
      ValueError: x of too low a rank; size or stride < 1; a window larger than the maps.

    Differentiable in every mode and to any order.

    Source: `conv_util.cuh` (AvgPooler, regionSize) of the 2012 source.
    """
    size, stride = require_windows("average_pool", x, size, stride)
    a = x.astype(compute_dtype(x.dtype))
    for axis in (-3, -2):
        a = _window_means(a, axis % x.ndim, size, stride, overhang=overhang)
    return a.astype(x.dtype)


def _window_means(x: jax.Array, axis: int, size: int, stride: int, *, overhang: bool) -> jax.Array:
    """Average windows along one axis; the mean over a rectangle is that of its rows' means."""
    side = x.shape[axis]
    count = (side - size + (stride - 1 if overhang else 0)) // stride + 1
    end = (count - 1) * stride + size
    padded = _pad_end(x, axis, max(0, end - side))
    total = functools.reduce(
        operator.add,
        (
            lax.slice_in_dim(padded, p, p + (count - 1) * stride + 1, stride, axis)
            for p in range(size)
        ),
    )
    first = np.arange(count) * stride
    inside = np.minimum(first + size, side) - first
    shape = [1] * x.ndim
    shape[axis] = count
    return total * jnp.asarray(1 / inside, x.dtype).reshape(shape)


def _pad_end(x: jax.Array, axis: int, count: int) -> jax.Array:
    """Append `count` zeros along an axis."""
    edges = [(0, 0)] * x.ndim
    edges[axis] = (0, count)
    return jnp.pad(x, edges) if count else x
