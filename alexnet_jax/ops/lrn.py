"""Local response normalization, over neighbouring maps and within maps, with its backward pass."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.check import compute_dtype, require_floating, require_rank, require_whole

# A window of up to this many terms is summed as shifted slices, which XLA fuses into one loop
# (1.6 times faster than reduce_window at n = 5). For more terms the program would become too large.
_MOST_SHIFTED_TERMS = 9

# For each axis that a sum goes over: the axis, and the numbers of terms before and after.
Windows = tuple[tuple[int, int, int], ...]
# Normalization: x, windows, k, alpha and beta to the output.
Normalize = Callable[[jax.Array, Windows, float, float, float], jax.Array]


def local_response_norm(
    x: jax.Array, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> jax.Array:
    """Normalize each value by those of the neighbouring maps at the same position.

        b_i = a_i D_i^-beta,   D_i = k + alpha sum_{j in W(i)} a_j^2
        W(i) = i - n//2 ... i + (n-1)//2, clipped to 0 ... C - 1

    W(i) has n terms, as in the kernels of 2012; for even n the reference text's bounds
    (i - n/2 ... i + n/2) would include n + 1. `alpha` is not divided by n. PyTorch, Caffe and cuDNN
    divide theirs, so that the paper's 1e-4 is their 5e-4.

    The backward pass is in closed form: for a cotangent g of b, with the mirrored window
    V(j) = {i : j in W(i)},

        da_j = g_j D_j^-beta - 2 alpha beta a_j sum_{i in V(j)} g_i a_i D_i^(-beta-1)

    Its term i = j is the derivative in the reference text, which leaves out the neighbours' terms;
    the gradient needs them.

    In float32, beyond values of about 1e16 the gradient loses the neighbours' terms, whose factor
    D^(-beta-1) becomes 0; beyond about 1e18 the squares overflow.

    Args:
      x: [..., C], a in the formulas; any leading axes. bfloat16 is normalized in float32.
      n: number of maps in a window, >= 1; may exceed C.
      k: > 0.
      alpha: >= 0.
      beta: any finite number.

    Returns:
      Same shape and dtype as x.

    Raises:
      TypeError: x not floating, n not a whole number.
      ValueError: x without axes, n < 1, k <= 0, alpha < 0, a value that is not finite.

    Differentiable in reverse mode to any order; for forward mode take
    `ops.plain.local_response_norm`.

    Source: paper section 3.3; `conv_util.cu` of the 2012 source.
    """
    return normalize_over_maps(_normalize, x, n=n, k=k, alpha=alpha, beta=beta)


def normalize_over_maps(
    normalize: Normalize, x: jax.Array, *, n: int, k: float, alpha: float, beta: float
) -> jax.Array:
    """Check the arguments of `local_response_norm`, and compute it with `normalize`."""
    require_floating("local_response_norm", x=x)
    require_rank("local_response_norm", "x", x, 1, "[..., C]")
    n = require_whole("local_response_norm", "n", n, 1)
    _require_constants("local_response_norm", k, alpha, beta)
    return normalize(x, ((-1, n // 2, (n - 1) // 2),), float(k), float(alpha), float(beta))


def map_response_norm(
    x: jax.Array, *, size: int = 5, k: float = 1.0, alpha: float = 4e-5, beta: float = 0.75
) -> jax.Array:
    """Normalize each value by those of its map in the window of size x size around its position.

        b_ij = a_ij (k + alpha sum_{p,q = -size//2}^{size//2} a_{i+p, j+q}^2)^-beta

    with the window clipped at the edges of the map. The backward pass is that of
    `local_response_norm` with this window. In the released source this is the second normalization
    after conv2, which the paper does not mention; the source states alpha times size^2.

    Args:
      x: [..., H, W, C], a in the formula; any leading axes. bfloat16 is normalized in float32.
      size: side of the window, odd, >= 1.
      k, alpha, beta: as for `local_response_norm`.

    Returns:
      Same shape and dtype as x.

    Raises:
      TypeError: x not floating, size not a whole number.
      ValueError: x of too low a rank, an even size, k <= 0, alpha < 0, a value not finite.

    Differentiable in reverse mode to any order; for forward mode take
    `ops.plain.map_response_norm`.

    Source: `layers-145.cfg` (cnorm2, type rnorm) and `conv_util.cu` of the 2012 source.
    """
    return normalize_within_maps(_normalize, x, size=size, k=k, alpha=alpha, beta=beta)


def normalize_within_maps(
    normalize: Normalize, x: jax.Array, *, size: int, k: float, alpha: float, beta: float
) -> jax.Array:
    """Check the arguments of `map_response_norm`, and compute it with `normalize`."""
    require_floating("map_response_norm", x=x)
    require_rank("map_response_norm", "x", x, 3, "[..., H, W, C]")
    size = require_whole("map_response_norm", "size", size, 1)
    if size % 2 == 0:
        raise ValueError(f"map_response_norm: size must be odd, got {size}")
    _require_constants("map_response_norm", k, alpha, beta)
    windows = tuple((axis, size // 2, size // 2) for axis in (-3, -2))
    return normalize(x, windows, float(k), float(alpha), float(beta))


def _require_constants(layer: str, k: float, alpha: float, beta: float) -> None:
    """Raise ValueError for a constant that is out of range or not finite."""
    constants = (("k", k, k > 0), ("alpha", alpha, alpha >= 0), ("beta", beta, True))
    for name, value, in_range in constants:
        if not (in_range and math.isfinite(value)):
            raise ValueError(f"{layer}: {name} is out of range, got {value!r}")


def _window_sums(x: jax.Array, windows: Windows) -> jax.Array:
    """Sum over windows of several axes, over one axis after the other."""
    for index, (axis, before, after) in enumerate(windows):
        if index > 0:
            # Without the barrier the previous sum would be recomputed in every term of this one.
            x = lax.optimization_barrier(x)
        x = window_sum(x, axis, before, after)
    return x


def window_sum(x: jax.Array, axis: int, before: int, after: int) -> jax.Array:
    """Compute sum_{j = i - before}^{i + after} x_j for each i of an axis, clipped at its ends."""
    count, axis = x.shape[axis], axis % x.ndim
    others = max(count - 1, 0)
    before, after = min(before, others), min(after, others)
    pads = [(before, after) if each == axis else (0, 0) for each in range(x.ndim)]
    terms = before + after + 1
    if terms > _MOST_SHIFTED_TERMS:
        window = tuple(terms if each == axis else 1 for each in range(x.ndim))
        # A NumPy zero: a jax scalar would be captured by the function, which shard_map refuses.
        zero = np.zeros((), x.dtype)
        total: jax.Array = lax.reduce_window(x, zero, lax.add, window, (1,) * x.ndim, pads)
        return total
    padded = jnp.pad(x, pads)
    total = lax.slice_in_dim(padded, 0, count, axis=axis)
    for shift in range(1, terms):
        total = total + lax.slice_in_dim(padded, shift, shift + count, axis=axis)
    return total


def _power(s: jax.Array, beta: float) -> jax.Array:
    """Compute s^-beta for s > 0. For the paper's .75, two roots are several times faster."""
    if beta == 0.75:
        root = lax.rsqrt(s)
        return root * jnp.sqrt(root)
    return s**-beta


def _scale(a: jax.Array, windows: Windows, k: float, alpha: float) -> jax.Array:
    """Compute D = k + alpha sum a^2."""
    return k + alpha * _window_sums(jnp.square(a), windows)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _normalize(x: jax.Array, windows: Windows, k: float, alpha: float, beta: float) -> jax.Array:
    a = x.astype(compute_dtype(x.dtype))
    return (a * _power(_scale(a, windows, k, alpha), beta)).astype(x.dtype)


def _forward(
    x: jax.Array, windows: Windows, k: float, alpha: float, beta: float
) -> tuple[jax.Array, jax.Array]:
    # Only the input is stored: recomputing D is cheaper than storing and reading it.
    return _normalize(x, windows, k, alpha, beta), x


def _backward(
    windows: Windows, k: float, alpha: float, beta: float, x: jax.Array, g: jax.Array
) -> tuple[jax.Array]:
    dtype = compute_dtype(x.dtype)
    # The barriers keep XLA from fusing the computation of g, and the product below, into every
    # shifted term of the window sum, where they would be repeated n times.
    a, g = x.astype(dtype), lax.optimization_barrier(g).astype(dtype)
    scale = _scale(a, windows, k, alpha)
    power = _power(scale, beta)
    inner = lax.optimization_barrier(g * a * power / scale)
    mirrored = tuple((axis, after, before) for axis, before, after in windows)
    total = _window_sums(inner, mirrored)
    return ((g * power - (2 * alpha * beta) * a * total).astype(x.dtype),)


_normalize.defvjp(_forward, _backward)
