"""Local response normalization with its hand-written backward pass."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.check import compute_dtype, require_floating, require_rank, require_whole

# Up to this many terms a window is summed as shifted slices, which XLA fuses into one loop
# (1.6 times faster than reduce_window at n = 5); beyond it the slices would only grow the program.
_MOST_SHIFTED_TERMS = 9

# The sum's windows: (axis, terms before, terms after) of each axis that it goes over.
Windows = tuple[tuple[int, int, int], ...]


def local_response_norm(
    x: jax.Array, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> jax.Array:
    """Normalization over neighbouring maps, with a closed-form backward pass.

        b_i = a_i D_i^-beta,   D_i = k + alpha sum_{j in W(i)} a_j^2
        W(i) = i - n//2 ... i + (n-1)//2, clipped to the maps there are

    W(i) has n terms, as in the kernels of 2012; for even n the reference text's literal bounds
    (i - n/2 ... i + n/2) would give n + 1. `alpha` is not divided by n: PyTorch, Caffe and cuDNN
    divide theirs, so the paper's 1e-4 is their 5e-4.

    Backward, for a cotangent g of b, with V(j) = {i : j in W(i)} the mirrored window:

        da_j = g_j D_j^-beta - 2 alpha beta a_j sum_{i in V(j)} g_i a_i D_i^(-beta-1)

    Its term i = j is the reference text's own-map derivative; the text leaves out the neighbours'
    terms, which a gradient needs.

    Args:
      x: [..., C] maps last; any leading axes. bfloat16 is normalized in float32.
      n: number of maps in a window, >= 1; may exceed C.
      k: > 0.
      alpha: >= 0.
      beta: any finite number.

    Returns:
      Same shape and dtype as x.

    Raises:
      TypeError: x not floating, n not a whole number.
      ValueError: x without axes, n < 1, k <= 0, alpha < 0, a value that is not finite.

    Source: paper section 3.3; `conv_util.cu` of the 2012 source.
    """
    require_floating("local_response_norm", x=x)
    require_rank("local_response_norm", "x", x, 1, "[..., C]")
    n = require_whole("local_response_norm", "n", n, 1)
    _require_constants("local_response_norm", k, alpha, beta)
    return _normalize(x, ((-1, n // 2, (n - 1) // 2),), float(k), float(alpha), float(beta))


def map_response_norm(
    x: jax.Array, *, size: int = 5, k: float = 1.0, alpha: float = 4e-5, beta: float = 0.75
) -> jax.Array:
    """Normalization within each map, over the window of size x size around each place.

        b_ij = a_ij (k + alpha sum_{p,q = -size//2}^{size//2} a_{i+p, j+q}^2)^-beta

    clipped at the edges; the backward pass is that of `local_response_norm` with this window. The
    second normalization after conv2 in the released source, which the paper does not mention; the
    source writes alpha times size^2.

    Args:
      x: [..., H, W, C]; any leading axes. bfloat16 is normalized in float32.
      size: odd, >= 1.
      k, alpha, beta: as `local_response_norm`.

    Returns:
      Same shape and dtype as x.

    Raises:
      TypeError: x not floating, size not a whole number.
      ValueError: x of too low a rank, an even size, k <= 0, alpha < 0, a value not finite.

    Source: `layers-145.cfg` (cnorm2, type rnorm) and `conv_util.cu` of the 2012 source.
    """
    require_floating("map_response_norm", x=x)
    require_rank("map_response_norm", "x", x, 3, "[..., H, W, C]")
    size = require_whole("map_response_norm", "size", size, 1)
    if size % 2 == 0:
        raise ValueError(f"map_response_norm: size must be odd, got {size}")
    _require_constants("map_response_norm", k, alpha, beta)
    windows = tuple((axis, size // 2, size // 2) for axis in (-3, -2))
    return _normalize(x, windows, float(k), float(alpha), float(beta))


def _require_constants(layer: str, k: float, alpha: float, beta: float) -> None:
    for name, value, good in (("k", k, k > 0), ("alpha", alpha, alpha >= 0), ("beta", beta, True)):
        if not (good and math.isfinite(value)):
            raise ValueError(f"{layer}: {name} is out of range, got {value!r}")


def _window_sums(x: jax.Array, windows: Windows) -> jax.Array:
    """Over one axis after the other, each sum made once and not in every term of the next."""
    for place, window in enumerate(windows):
        x = _window_sum(lax.optimization_barrier(x) if place else x, *window)
    return x


def _window_sum(x: jax.Array, axis: int, before: int, after: int) -> jax.Array:
    """sum_{j = i - before}^{i + after} x_j over an axis, clipped."""
    count, axis = x.shape[axis], axis % x.ndim
    most = max(count - 1, 0)  # of others
    before, after = min(before, most), min(after, most)
    pads = [(before, after) if each == axis else (0, 0) for each in range(x.ndim)]
    terms = before + after + 1
    if terms > _MOST_SHIFTED_TERMS:
        window = tuple(terms if each == axis else 1 for each in range(x.ndim))
        # A NumPy zero: a jax scalar here would be closed over, which shard_map refuses.
        zero = np.zeros((), x.dtype)
        total: jax.Array = lax.reduce_window(x, zero, lax.add, window, (1,) * x.ndim, pads)
        return total
    padded = jnp.pad(x, pads)
    total = lax.slice_in_dim(padded, 0, count, axis=axis)
    for shift in range(1, terms):
        total = total + lax.slice_in_dim(padded, shift, shift + count, axis=axis)
    return total


def _power(s: jax.Array, beta: float) -> jax.Array:
    """s^-beta for s > 0. At the paper's .75 two roots are several times cheaper than a power."""
    if beta == 0.75:
        root = lax.rsqrt(s)
        return root * jnp.sqrt(root)
    return s**-beta


def _scale(a: jax.Array, windows: Windows, k: float, alpha: float) -> jax.Array:
    return k + alpha * _window_sums(jnp.square(a), windows)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _normalize(x: jax.Array, windows: Windows, k: float, alpha: float, beta: float) -> jax.Array:
    a = x.astype(compute_dtype(x.dtype))
    return (a * _power(_scale(a, windows, k, alpha), beta)).astype(x.dtype)


def _forward(
    x: jax.Array, windows: Windows, k: float, alpha: float, beta: float
) -> tuple[jax.Array, jax.Array]:
    # The input alone is kept: computing D again is cheaper than storing and reading it.
    return _normalize(x, windows, k, alpha, beta), x


def _backward(
    windows: Windows, k: float, alpha: float, beta: float, x: jax.Array, g: jax.Array
) -> tuple[jax.Array]:
    dtype = compute_dtype(x.dtype)
    # The barriers keep XLA from fusing what made g, and this product, into every shifted term of
    # the window sum, where they would be computed n times over.
    a, g = x.astype(dtype), lax.optimization_barrier(g).astype(dtype)
    scale = _scale(a, windows, k, alpha)
    power = _power(scale, beta)
    inner = lax.optimization_barrier(g * a * power / scale)
    mirrored = tuple((axis, after, before) for axis, before, after in windows)
    spread = _window_sums(inner, mirrored)
    return ((g * power - (2 * alpha * beta) * a * spread).astype(x.dtype),)


_normalize.defvjp(_forward, _backward)
