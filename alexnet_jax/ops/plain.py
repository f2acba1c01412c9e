"""The layers of `ops` as their formulas say, differentiable in every mode and to every order.

They have the signatures, checks and values of `ops`, to rounding, and the same first derivatives.
They take part in every transformation: `jax.jvp`, `jax.jacfwd`, `jax.linearize` and `jax.hessian`
as well as `jax.grad`. The layers of `ops` are faster, and need less memory for a gradient.

`average_pool`, `locally_connected`, `dropout`, `softmax` and `cross_entropy` are those of `ops`,
which have no rules of their own.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops import xla_conv
from alexnet_jax.ops.average_pool import average_pool
from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.conv import by_group, convolve_checked
from alexnet_jax.ops.dense import apply_kernel, dropout
from alexnet_jax.ops.local import locally_connected
from alexnet_jax.ops.loss import cross_entropy, softmax
from alexnet_jax.ops.lrn import normalize_over_maps, normalize_within_maps
from alexnet_jax.ops.pool import pool_windows
from alexnet_jax.ops.pool_forms import taps
from alexnet_jax.ops.pool_overhang import pad_beyond
from alexnet_jax.ops.window_sums import Windows, window_sum

__all__ = [
    "average_pool",
    "conv2d",
    "cross_entropy",
    "dense",
    "dropout",
    "local_response_norm",
    "locally_connected",
    "map_response_norm",
    "max_pool",
    "softmax",
]


def conv2d(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> jax.Array:
    """Convolve like `ops.conv2d`, by one convolution of JAX for each group."""
    convolve = functools.partial(by_group, xla_conv.convolution)
    return convolve_checked(convolve, x, kernel, bias, stride=stride, padding=padding)


def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Compute a fully connected layer like `ops.dense`, by one matrix product."""
    return apply_kernel(jnp.matmul, x, kernel, bias)


def local_response_norm(
    x: jax.Array, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> jax.Array:
    """Normalize over neighbouring maps like `ops.local_response_norm`."""
    return normalize_over_maps(_normalize, x, n=n, k=k, alpha=alpha, beta=beta)


def map_response_norm(
    x: jax.Array, *, size: int = 5, k: float = 1.0, alpha: float = 4e-5, beta: float = 0.75
) -> jax.Array:
    """Normalize within each map like `ops.map_response_norm`."""
    return normalize_within_maps(_normalize, x, size=size, k=k, alpha=alpha, beta=beta)


def _normalize(x: jax.Array, windows: Windows, k: float, alpha: float, beta: float) -> jax.Array:
    """Compute b = a (k + alpha sum a^2)^-beta, with the sum over the windows."""
    a = x.astype(compute_dtype(x.dtype))
    total = jnp.square(a)
    for axis, before, after in windows:
        total = window_sum(total, axis, before, after)
    return (a * (k + alpha * total) ** -beta).astype(x.dtype)


def max_pool(x: jax.Array, *, size: int = 3, stride: int = 2, overhang: bool = False) -> jax.Array:
    """Take the maximum over windows like `ops.max_pool`, with the same derivative at ties.

    For a tangent dI of the input, in the notation of `ops.max_pool`,

        dO_ij = sum of dI_xy over the inputs (x, y) of the window (i, j) with I_xy = O_ij

    Derivatives of higher order are those of this sum, whose set of inputs is taken as constant: the
    second derivative of the pool itself is 0 everywhere. At a tie, where the maximum has no
    derivative, every order thus follows the same rule: a function of the pool has the derivatives
    that it would have if O_ij were the sum of the tied inputs plus a constant.
    """
    return pool_windows(_pool_padded if overhang else _pool, x, size=size, stride=stride)


def _pool_padded(x: jax.Array, size: int, stride: int) -> jax.Array:
    return _pool(pad_beyond(x, size, stride), size, stride)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _pool(x: jax.Array, size: int, stride: int) -> jax.Array:
    slices = (lax.slice(x, *tap) for tap in taps(x.shape, size, stride))
    return functools.reduce(jnp.maximum, slices)


@_pool.defjvp
def _pool_tangent(
    size: int, stride: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (x,), (dx,) = primals, tangents
    y = _pool(x, size, stride)
    dy = jnp.zeros_like(y)
    for tap in taps(x.shape, size, stride):
        dy += jnp.where(lax.slice(x, *tap) == y, lax.slice(dx, *tap), jnp.zeros_like(y))
    return y, dy
