"""Gradient of normalization and pooling row by row, by operations of XLA for a TPU.

What a row's gradient takes from one operation to the next stays in the chip's vector memory. The
maps of a whole batch would be written to the main memory by each operation and read by the next,
and what pooling gives to every second row and column would be padded with zeros first. Figures are
for conv1's maps of 1,024 images in bfloat16: millions of cycles that the compiler estimates for a
TPU v5e.
"""

from __future__ import annotations

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops import lrn_forms
from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.tail_constants import Norm, Tail
from alexnet_jax.ops.varying import varying_alike

LANES = 128  # images in a row of a TPU's vector registers
# Bytes of a row's values that may wait in the vector memory, of 128 MiB on v5e and v6e.
_ROW_BYTES = 80 * 2**20


def gradient_by_rows(
    tail: Tail, x: jax.Array, bias: jax.Array, places: jax.Array, g: jax.Array
) -> jax.Array:
    """Compute the gradient of a tail with a normalization, one row of maps after the other: 15.0.

    Layer by layer, on whole maps, it takes 42.5. With a = max(x + bias, 0) or x + bias, and the
    gradient h of b from `_of_row`,

        da_j = h_j D_j^-beta - 2 alpha beta a_j sum_{i: j in W(i)} h_i a_i D_i^(-beta-1)

    Args:
      x: [H, W, C, B] sums of a convolution.
      bias: [C]
      places: [H', W', C, B] uint16, as `pool_forms.maximum_and_places` returns them.
      g: [H', W', C, B] cotangent of the pooled maps.

    Returns:
      [H, W, C, B] in x's dtype.
    """
    height, width, maps, images = x.shape
    dx, _ = varying_alike((jnp.zeros_like(x), x))
    step = _images_at_once(width * maps, images, x.dtype.itemsize)
    for first in range(0, images, step):
        row = partial(_write_row, tail, x, bias, places, g, slice(first, first + step))
        dx = lax.fori_loop(0, height, row, dx)
    return dx


def _images_at_once(values: int, images: int, itemsize: int) -> int:
    """Return how many of a batch's images are taken at once, of whose rows one has `values`.

    Two float32 values of each wait in the vector memory, and three of every second, in x's dtype.
    """
    most = max(1, _ROW_BYTES * 2 // (values * LANES * (16 + 3 * itemsize)))
    blocks, rest = divmod(images, LANES)
    divisors = (count for count in range(min(most, blocks), 0, -1) if blocks % count == 0)
    return images if rest else LANES * next(divisors)


def _write_row(
    tail: Tail,
    x: jax.Array,
    bias: jax.Array,
    places: jax.Array,
    g: jax.Array,
    images: slice,
    row: jax.Array,
    dx: jax.Array,
) -> jax.Array:
    """Write a row of the gradient, of some images, into dx."""
    norm = tail.norm
    assert norm is not None
    a = unit(tail, _row(x, row, images), bias[None, :, None])
    scale = scale_of(norm, a, x.dtype, "wcb,cd->wdb")
    power, steeper = lrn_forms.powers(scale, norm.beta)
    # Without barriers the powers would be computed once more for the product and once behind it,
    # and pooling's gradients again for each.
    power, steep = lax.optimization_barrier((power, a * steeper))
    of_taps = lax.optimization_barrier(_of_row(places, g, images, row))
    h = _at_their_columns(of_taps, a)
    total = window_sums(norm, h * steep, "wcb,dc->wdb", lax.Precision.HIGHEST)
    slope = h * power - (2 * norm.alpha * norm.beta) * a * total
    if tail.rectify:
        slope = jnp.where(a > 0, slope, jnp.zeros((), slope.dtype))
    start = (row, 0, 0, images.start)
    return lax.dynamic_update_slice(dx, slope.astype(x.dtype)[None], start)


def _row(array: jax.Array, row: jax.Array, images: slice) -> jax.Array:
    """Return one row of some images, [W, C, B] of [H, W, C, all images]."""
    sizes = (1, *array.shape[1:3], images.stop - images.start)
    return lax.dynamic_slice(array, (row, 0, 0, images.start), sizes)[0]


def _of_row(places: jax.Array, g: jax.Array, images: slice, row: jax.Array) -> list[jax.Array]:
    """Return what each of the three columns of windows, [W', C, B], gives to its input in a row.

    Row r belongs to window r // 2, of which it is row r mod 2, and if r is even to the window
    before, as its last.
    """
    even, windows = row % 2 == 0, places.shape[0]
    zero = jnp.zeros((), g.dtype)
    of_taps = [zero, zero, zero]
    for window, exists, inside in (
        (row // 2, row // 2 < windows, row % 2),
        (row // 2 - 1, even & (row >= 2), jnp.full_like(row, 2)),
    ):
        at = jnp.clip(window, 0, windows - 1)
        held, slopes = _row(places, at, images).astype(jnp.int32), _row(g, at, images)
        first = jnp.where(exists, jnp.left_shift(1, 3 * inside), 0).astype(jnp.int32)
        of_taps = [
            total + jnp.where((held & (first << tap)) != 0, slopes, zero)
            for tap, total in enumerate(of_taps)
        ]
    return of_taps


def _at_their_columns(of_taps: list[jax.Array], like: jax.Array) -> jax.Array:
    """Add up what the columns of windows, [W', C, B], give to their inputs: [W, C, B]."""
    parts = []
    for tap, part in enumerate(of_taps):
        beyond = like.shape[0] - tap - 2 * part.shape[0] + 1
        edges = ((tap, beyond, 1), (0, 0, 0), (0, 0, 0))
        parts.append(lax.pad(part.astype(like.dtype), jnp.zeros((), like.dtype), edges))
    return functools.reduce(jnp.add, parts)


def sum_by_product(dx: jax.Array) -> jax.Array:
    """Sum [H, W, C, B] over all but maps as a product with ones: 1.5, where a sum takes 7.9.

    XLA takes the sum after all where it sees the ones, which the barrier hides.
    """
    ones = lax.optimization_barrier(jnp.ones(dx.shape[:2] + dx.shape[3:], dx.dtype))
    exact = lax.Precision.DEFAULT if dx.dtype == jnp.bfloat16 else lax.Precision.HIGHEST
    dtype = compute_dtype(dx.dtype)
    return jnp.einsum("hwcb,hwb->c", dx, ones, precision=exact, preferred_element_type=dtype)


def unit(tail: Tail, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Return a = max(x + bias, 0) or x + bias, at least in float32."""
    dtype = compute_dtype(x.dtype)
    a = x.astype(dtype) + bias.astype(dtype)
    return jnp.maximum(a, 0) if tail.rectify else a


def scale_of(norm: Norm, a: jax.Array, dtype: jnp.dtype, axes: str) -> jax.Array:
    """Compute D = k + alpha sum a^2 for maps of a dtype.

    For bfloat16 three products hold 16 bits of the squares, twice those of the result; with 256
    maps they take two thirds of the time of the six for float32.
    """
    precision = lax.Precision.HIGH if dtype == jnp.bfloat16 else lax.Precision.HIGHEST
    return norm.k + norm.alpha * window_sums(norm, jnp.square(a), axes, precision)


def window_sums(norm: Norm, terms: jax.Array, axes: str, precision: lax.Precision) -> jax.Array:
    """Sum over the windows of maps as a product with a 0/1 matrix, the second factor in `axes`."""
    maps = terms.shape[axes.index("c")]
    source, target = np.ogrid[:maps, :maps]
    width = norm.width or maps
    band = (source >= target - norm.n // 2) & (source <= target + (norm.n - 1) // 2)
    band &= source // width == target // width
    return jnp.einsum(axes, terms, jnp.asarray(band, terms.dtype), precision=precision)
