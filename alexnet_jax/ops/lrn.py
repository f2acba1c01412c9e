"""Local response normalization, over neighbouring maps and within maps, with its backward pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax

from alexnet_jax.ops import lrn_forms
from alexnet_jax.ops.check import require_floating, require_rank, require_whole
from alexnet_jax.ops.lrn_forms import WindowedNorm
from alexnet_jax.ops.platform import on_platform
from alexnet_jax.ops.window_sums import Windows, band_sums, window_sums

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

    Example:
      >>> maps = jnp.array([3.0, 0.0, 4.0])
      >>> ops.local_response_norm(maps, n=3, k=1.0, alpha=0.0625, beta=0.5)
      Array([2.4     , 0.      , 2.828427], dtype=float32)
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

        b_ij = a_ij (k + alpha sum_{p,q = -h}^{h} a_{i+p, j+q}^2)^-beta,   h = size // 2

    with the window clipped at the edges of the map. The backward pass is that of
    `local_response_norm` with this window, which is its own mirror image. In the released source
    this is the second normalization after conv2, which the paper does not mention; the source
    states alpha times size^2.

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


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _normalize(x: jax.Array, windows: Windows, k: float, alpha: float, beta: float) -> jax.Array:
    return _forward(x, windows, k, alpha, beta)[0]


def _forward(
    x: jax.Array, windows: Windows, k: float, alpha: float, beta: float
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Return b, and for the gradient x and what a form stores beside it: x once more, or a ratio.

    D is not stored: to recompute it costs less than to write and read it.
    """
    norm = WindowedNorm(windows, k, alpha, beta)
    shifted = partial(lrn_forms.value, norm, window_sums)
    y, stored = on_platform(
        x,
        cpu=partial(lrn_forms.value_by_division, norm),
        default=shifted,
        tpu=partial(lrn_forms.value, norm, band_sums) if norm.over_maps else None,
        cuda=partial(lrn_forms.value_and_ratio, norm) if norm.over_few_maps else None,
    )
    return y, (x, stored)


def _backward(
    windows: Windows,
    k: float,
    alpha: float,
    beta: float,
    saved: tuple[jax.Array, jax.Array],
    g: jax.Array,
) -> tuple[jax.Array]:
    norm = WindowedNorm(windows, k, alpha, beta)
    in_steps = partial(lrn_forms.gradient_in_steps, norm)
    dx = on_platform(
        *saved,
        g,
        cpu=in_steps,
        default=in_steps,
        tpu=partial(lrn_forms.gradient_by_products, norm, band_sums) if norm.over_maps else None,
        cuda=partial(lrn_forms.gradient_by_ratio, norm) if norm.over_few_maps else None,
    )
    return (dx,)


_normalize.defvjp(_forward, _backward)
