"""Forms of local response normalization for the platforms, by operations of XLA.

Figures are for conv1's maps of 1,024 images in bfloat16: millions of cycles that the compiler
estimates for a TPU v5e, and kernels and bytes of the program compiled for an H100.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.window_sums import MOST_SHIFTED_TERMS, Windows, window_sums

Sums = Callable[[jax.Array, Windows], jax.Array]


@dataclass(frozen=True)
class WindowedNorm:
    """Windows and constants of b = a D^-beta, D = k + alpha sum a^2 over the windows."""

    windows: Windows
    k: float
    alpha: float
    beta: float

    @property
    def mirrored(self) -> Windows:
        """Windows of the gradient's sum."""
        return tuple((axis, after, before) for axis, before, after in self.windows)

    @property
    def over_maps(self) -> bool:
        """Whether windows are of neighbouring maps, and not of positions."""
        return all(axis == -1 for axis, _, _ in self.windows)

    @property
    def over_few_maps(self) -> bool:
        """Whether window sums are one loop over shifted slices."""
        return self.over_maps and sum(self.windows[0][1:]) < MOST_SHIFTED_TERMS


def value(norm: WindowedNorm, sums: Sums, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return b and x, which is all that the gradient needs.

    On a TPU 24 with sums of shifted slices, 7.6 with a product.
    """
    a = x.astype(compute_dtype(x.dtype))
    return (a * _power(_scale(norm, sums, a), norm.beta)).astype(x.dtype), x


def value_by_division(norm: WindowedNorm, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Compute the same as is fastest on a CPU."""
    a = x.astype(compute_dtype(x.dtype))
    return (a * _power_by_division(_scale(norm, window_sums, a), norm.beta)).astype(x.dtype), x


def value_and_ratio(norm: WindowedNorm, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return b and a D^(-beta-1), in the dtype of x, for `gradient_by_ratio`."""
    a = x.astype(compute_dtype(x.dtype))
    scale = _scale(norm, window_sums, a)
    b = a * _power(scale, norm.beta)
    return b.astype(x.dtype), (b / scale).astype(x.dtype)


def gradient_in_steps(norm: WindowedNorm, x: jax.Array, _: jax.Array, g: jax.Array) -> jax.Array:
    """Compute the gradient with its window sum's terms in memory, as is fastest on a CPU."""
    dtype = compute_dtype(x.dtype)
    # The barriers keep XLA from fusing the computation of g, and the product below, into every
    # shifted term of the window sum, where they would be repeated n times.
    a, g = x.astype(dtype), lax.optimization_barrier(g).astype(dtype)
    scale = _scale(norm, window_sums, a)
    power = _power_by_division(scale, norm.beta)
    inner = lax.optimization_barrier(g * a * power / scale)
    total = window_sums(inner, norm.mirrored)
    return (g * power - (2 * norm.alpha * norm.beta) * a * total).astype(x.dtype)


def gradient_by_products(
    norm: WindowedNorm, sums: Sums, x: jax.Array, _: jax.Array, g: jax.Array
) -> jax.Array:
    """Compute the gradient with sums that do not repeat their terms: on a TPU 22 instead of 52."""
    dtype = compute_dtype(x.dtype)
    a, g = x.astype(dtype), g.astype(dtype)
    scale = _scale(norm, sums, a)
    power = _power(scale, norm.beta)
    total = sums(g * a * power / scale, norm.mirrored)
    return (g * power - 2 * norm.alpha * norm.beta * a * total).astype(x.dtype)


def gradient_by_ratio(
    norm: WindowedNorm, x: jax.Array, ratio: jax.Array, g: jax.Array
) -> jax.Array:
    """Compute the gradient from a stored a D^(-beta-1), in one kernel of a GPU.

    Terms of the window sum are then one product, which XLA repeats rather than stores: 2.4 GB are
    moved, and .6 more in the forward pass. Otherwise they are a kernel of their own, with division
    and roots, and float32 values in memory: 5.4 GB, 1.2 of them temporary.
    """
    dtype = compute_dtype(x.dtype)
    # As in `gradient_in_steps`.
    ratio, g = lax.optimization_barrier((ratio, g))
    a, g = x.astype(dtype), g.astype(dtype)
    power = _power(_scale(norm, window_sums, a), norm.beta)
    total = window_sums(g * ratio.astype(dtype), norm.mirrored)
    return (g * power - 2 * norm.alpha * norm.beta * a * total).astype(x.dtype)


def _scale(norm: WindowedNorm, sums: Sums, a: jax.Array) -> jax.Array:
    """Compute D = k + alpha sum a^2."""
    return norm.k + norm.alpha * sums(jnp.square(a), norm.windows)


def powers(s: jax.Array, beta: float) -> tuple[jax.Array, jax.Array]:
    """Compute s^-beta and s^(-beta-1) for s > 0."""
    power = _power(s, beta)
    return power, power * (lax.rsqrt(s) * lax.rsqrt(s) if beta == 0.75 else 1 / s)


def _power(s: jax.Array, beta: float) -> jax.Array:
    """Compute s^-beta for s > 0. For the paper's .75, two roots are several times faster."""
    if beta == 0.75:
        root = lax.rsqrt(s)
        return root * jnp.sqrt(root)
    return s**-beta


def _power_by_division(s: jax.Array, beta: float) -> jax.Array:
    """Compute s^-beta for s > 0 as `_power` does, with one division.

    On a CPU rsqrt is a root and a division, too: rectification, normalization and pooling of the
    first maps of 64 images of `small` take 0.68 ms instead of 0.81 (two cores of an AMD EPYC).
    """
    if beta == 0.75:
        root = jnp.sqrt(s)
        return 1 / (root * jnp.sqrt(root))
    return s**-beta
