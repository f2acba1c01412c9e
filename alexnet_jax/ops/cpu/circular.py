"""Convolution of small maps in fewer multiplications, by Fourier transforms of whole maps."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import map_and_sum_groups, map_groups
from alexnet_jax.ops.cpu.whole_maps import (
    Period,
    inverse,
    inverse_kernel,
    transform,
    transform_kernel,
)

# Images at a time: a loop over smaller groups takes longer.
_IMAGES = 128
# Most bytes of the transforms of these images, which should stay in the caches.
_BYTES = 8 << 20
# Fewest multiplications of the plain sum for one here: transforms take time, too.
_SAVED = 2.5
_FEWEST_IMAGES, _FEWEST_MAPS = 16, 16
# With jax 0.10, whose products of many small matrices are slow, inference of `small` takes 14 ms
# instead of 6.
_BATCHED = jax.__version_info__ >= (0, 11)


def fits(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> bool:
    """Whether a convolution can be computed by `circular`, and is faster then."""
    images, maps = x.shape[0], min(kernel.shape[2], kernel.shape[3] // _groups(x, kernel))
    if not isinstance(images, int) or images < _FEWEST_IMAGES or maps < _FEWEST_MAPS:
        return False
    if not _BATCHED or stride != 1 or padding >= min(kernel.shape[:2]):
        return False
    frequencies = _period(x, padding).frequencies
    plain = math.prod(_outputs(x, kernel, padding)) * math.prod(kernel.shape[:2])
    width = max(x.shape[3], kernel.shape[3]) * jnp.dtype(x.dtype).itemsize
    stored = 2 * frequencies * width * min(images, _IMAGES)
    return plain >= _SAVED * 4 * frequencies and stored <= _BYTES


def circular(x: jax.Array, kernel: jax.Array, *, padding: int) -> jax.Array:
    """Convolve with stride 1 and padding P < K, all groups at once, by products at frequencies.

    Maps that repeat after H + P rows and W + P columns have only zeros where a window reaches
    beyond them, whatever their size. So the convolution is a product at each frequency:

        y(v) = Re sum_f a_f e^{i f v} sum_c x^_c(f) W^_c(f)*
        x^(f) = sum_u x(u) e^{-i f u},  W^(f) = sum_p W(p) e^{-i f (p - P)}

    A complex product is one of real matrices,

        (y_r, y_i) = (x_r, x_i) (W_r  -W_i)
                                (W_i   W_r)

    for all images at once. For maps of 11 x 11 and a 5 x 5 kernel these are 364 multiplications for
    the 3025 of the plain sum, for 5 x 5 and 3 x 3 they are 80 for 225. The error is that of the
    plain sum within a factor of about 2, if the values of a map are of similar size; it is relative
    to the largest of them. A NaN makes all outputs of its image NaN.

    Args:
      x: [B, H, W, C], float32 or float64.
      kernel: [K, L, C / G, M] in x's dtype, of G groups.
      padding: 0 <= P < K, L rows and columns of zeros on every side.

    Returns:
      [B, H + 2P - K + 1, W + 2P - L + 1, M]
    """
    height, width = _outputs(x, kernel, padding)
    period, groups = _period(x, padding), _groups(x, kernel)
    blocks = _blocks(kernel, period, padding, groups)

    def convolve(x: jax.Array) -> jax.Array:
        x_hat = _rows(transform(_images_inside(x), period), groups)
        y_hat = lax.dot_general(x_hat, blocks, _EACH)
        return _images_first(inverse(_from_rows(y_hat, groups), period, height, width))

    return map_groups(convolve, _IMAGES, x)


def circular_gradients(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, *, padding: int
) -> tuple[jax.Array, jax.Array]:
    """Compute the gradients of `circular` from one transform of dy.

        dx(u) = Re sum_f a_f e^{i f u} sum_m dy^_m(f) W^_m(f)
        dW(p) = Re sum_f a_f e^{i f (p - P)} sum over images x^(f) dy^(f)*

    Args:
      x, kernel, padding: as for `circular`.
      dy: [B, H', W', M], gradient with respect to its output.

    Returns:
      [B, H, W, C] and [K, L, C / G, M], the gradients with respect to x and the kernel.
    """
    period, groups = _period(x, padding), _groups(x, kernel)
    blocks = lax.optimization_barrier(_blocks(kernel, period, padding, groups).swapaxes(1, 2))

    def gradients(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        dy_hat = _rows(transform(_images_inside(dy), period), groups)
        dx_hat = lax.dot_general(dy_hat, blocks, _EACH)
        dx = inverse(_from_rows(dx_hat, groups), period, *x.shape[1:3])
        x_hat = _rows(transform(_images_inside(x), period), groups).swapaxes(1, 2)
        return _images_first(dx), lax.dot_general(lax.optimization_barrier(x_hat), dy_hat, _EACH)

    dx, products = map_and_sum_groups(gradients, _IMAGES, x, dy)
    dkernel = inverse_kernel(_parts(products, groups), period, padding, kernel.shape[:2])
    return dx, dkernel.reshape(kernel.shape)


_EACH = (((2,), (1,)), ((0,), (0,)))  # products of the matrices in [F, ., .] and [F, ., .]


def _groups(x: jax.Array, kernel: jax.Array) -> int:
    return x.shape[3] // kernel.shape[2]


def _period(x: jax.Array, padding: int) -> Period:
    return Period(x.shape[1] + padding, x.shape[2] + padding)


def _outputs(x: jax.Array, kernel: jax.Array, padding: int) -> tuple[int, int]:
    height, width = (
        side + 2 * padding - size + 1
        for side, size in zip(x.shape[1:3], kernel.shape[:2], strict=True)
    )
    return height, width


def _images_inside(x: jax.Array) -> jax.Array:
    """Return [B, H, W, C] as [H, W, B, C]."""
    return x.transpose((1, 2, 0, 3))


def _images_first(x: jax.Array) -> jax.Array:
    return x.transpose((2, 0, 1, 3))


def _rows(transformed: jax.Array, groups: int) -> jax.Array:
    """Return [F, 2, B, C] as matrices [F G, B, 2 C / G], a row for each image."""
    frequencies, _, images, maps = transformed.shape
    parts = transformed.reshape((frequencies, 2, images, groups, maps // groups))
    return parts.transpose((0, 3, 2, 1, 4)).reshape((frequencies * groups, images, -1))


def _from_rows(rows: jax.Array, groups: int) -> jax.Array:
    """Return matrices [F G, B, 2 M / G] as [F, 2, B, M]."""
    images, maps = rows.shape[1], rows.shape[2] // 2
    parts = rows.reshape((-1, groups, images, 2, maps)).transpose((0, 3, 2, 1, 4))
    # The barrier keeps the order of the axes apart from the product that follows.
    parts = parts.reshape((-1, 2, images, groups * maps))
    result: jax.Array = lax.optimization_barrier(parts)
    return result


def _blocks(kernel: jax.Array, period: Period, padding: int, groups: int) -> jax.Array:
    """Transform a kernel to the real matrices of its complex products: [F G, 2 C / G, 2 M / G]."""
    transformed = transform_kernel(kernel, period, padding)
    count, _, inputs, outputs = transformed.shape
    parts = transformed.reshape((count, 2, inputs, groups, outputs // groups))
    real, imaginary = parts[:, 0], parts[:, 1]
    matrices = jnp.stack(
        [jnp.stack([real, -imaginary], 3), jnp.stack([imaginary, real], 3)], 1
    )  # [F, 2, C / G, G, 2, M / G]
    blocks = matrices.transpose((0, 3, 1, 2, 4, 5)).reshape((count * groups, 2 * inputs, -1))
    result: jax.Array = lax.optimization_barrier(blocks)
    return result


def _parts(products: jax.Array, groups: int) -> jax.Array:
    """Return products [F G, 2 C / G, 2 M / G] as [F, 2, 2, C / G, M]."""
    inputs, outputs = products.shape[1] // 2, products.shape[2] // 2
    parts = products.reshape((-1, groups, 2, inputs, 2, outputs)).transpose((0, 2, 4, 3, 1, 5))
    result: jax.Array = lax.optimization_barrier(
        parts.reshape((-1, 2, 2, inputs, groups * outputs))
    )
    return result
