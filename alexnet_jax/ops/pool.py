"""Overlapping max pooling, with a backward pass in which every tied maximum gets the gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alexnet_jax.ops import pool_forms
from alexnet_jax.ops.by_kernel import by_kernel
from alexnet_jax.ops.check import require_windows
from alexnet_jax.ops.platform import on_platform
from alexnet_jax.ops.pool_overhang import pool_beyond, rows_beyond
from alexnet_jax.ops.tail_constants import Tail


def max_pool(x: jax.Array, *, size: int = 3, stride: int = 2, overhang: bool = False) -> jax.Array:
    """Take the maximum over windows of `size` x `size`, `stride` S apart; if size > S they overlap.

        O_ij = max_{p,q in [0, size)} I_{S i + p, S j + q}

    Output sides are floor((H - size) / S) + 1, with `overhang` rounded up instead: the last windows
    then extend beyond the bottom and right edges, and only their part inside the maps counts. The
    backward pass, for a cotangent g of O, is

        dI_xy = sum of g_ij over the windows (i, j) that contain (x, y) and have O_ij = I_xy

    Every input that equals its window's maximum receives the whole of g_ij, as in the reference
    text and in the kernels of 2012. JAX, PyTorch and cuDNN give it to one of these inputs; the
    rules differ only on ties. A NaN passes forward and receives no gradient.

    Args:
      x: [..., H, W, C]; any leading axes.
      size: >= 1 and at most H and W.
      stride: >= 1.
      overhang: whether output sides are rounded up, as in 2012 and in Caffe.

    Returns:
      [..., H', W', C] in x's dtype.

    Raises:
      TypeError: x not floating, a size or stride that is not whole.
      ValueError: x of too low a rank; size or stride < 1; a window larger than the maps, or wholly
        beyond them.

    Differentiable in reverse mode to any order; for forward mode take `ops.plain.max_pool`.

    Source: paper section 3.4; `conv_util.cu` (convLocalMaxUndo) of the 2012 source.

    Example:
      >>> ops.max_pool(jnp.arange(25.0).reshape(5, 5, 1))[..., 0]
      Array([[12., 14.],
             [22., 24.]], dtype=float32)
    """
    pool = _choose_beyond if overhang else _choose
    return pool_windows(pool, x, size=size, stride=stride)


def _choose(x: jax.Array, size: int, stride: int) -> jax.Array:
    """Pool by a kernel where there is one for these windows and the platform."""
    if (size, stride) != (3, 2):
        return _pool(x, size, stride)
    no_bias = jnp.zeros(x.shape[-1], x.dtype)
    return by_kernel(Tail(), lambda x, _: _pool(x, size, stride), x, no_bias)


def _choose_beyond(x: jax.Array, size: int, stride: int) -> jax.Array:
    """Pool with the last windows beyond the maps, if any of them is."""
    if not any(rows_beyond(side, size, stride) for side in x.shape[-3:-1]):
        return _choose(x, size, stride)
    return pool_beyond(_choose, x, size, stride)


def pool_windows(
    pool: Callable[[jax.Array, int, int], jax.Array], x: jax.Array, *, size: int, stride: int
) -> jax.Array:
    """Check the arguments of `max_pool`, and compute it with `pool`, a function of all three."""
    return pool(x, *require_windows("max_pool", x, size, stride))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _pool(x: jax.Array, size: int, stride: int) -> jax.Array:
    slices, windows = (
        functools.partial(form, size, stride)
        for form in (pool_forms.maximum_of_slices, pool_forms.maximum_of_windows)
    )
    return on_platform(x, cpu=slices, default=slices, tpu=windows)


def _forward(x: jax.Array, size: int, stride: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = _pool(x, size, stride)
    return y, (x, y)


def _backward(
    size: int, stride: int, residuals: tuple[jax.Array, jax.Array], g: jax.Array
) -> tuple[jax.Array]:
    in_cells, by_taps, by_phases = (
        functools.partial(form, size, stride)
        for form in (
            pool_forms.gradient_in_cells,
            pool_forms.gradient_by_taps,
            pool_forms.gradient_by_phases,
        )
    )
    return (on_platform(*residuals, g, cpu=in_cells, default=by_taps, tpu=by_phases),)


_pool.defvjp(_forward, _backward)
