"""Kernel gradient of a convolution of few input maps, with neighbouring pixels as maps.

Measured on two cores of an AMD EPYC with jax 0.12, float32, kernels of 5 x 5, ms of XLA's form / of
the form here, and the bound by operations:

    128 images of 32 x 32 x 3, 32 maps              6.6 / 4.3    1.3
    64 images of 28 x 28 x 1, 32 maps, unpadded     1.1 / .6      .12
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import sum_groups

# Outputs of a row taken together: 2 / 4 / 8 take 5.6 / 4.3 / 6.7 ms in the first row above.
_PIXELS = 4
_IMAGES = 16  # images at a time, so that the rearranged gradient stays in the caches
_MOST_MAPS = 4


def fits(x: jax.Array, dy: jax.Array, stride: int) -> bool:
    """Whether a convolution has few input maps, stride 1, and rows of whole cells of outputs."""
    images = not isinstance(x.shape[0], int) or x.shape[0] > 0
    return images and stride == 1 and x.shape[-1] <= _MOST_MAPS and dy.shape[2] % _PIXELS == 0


def kernel_gradient(x: jax.Array, dy: jax.Array, padding: int) -> jax.Array:
    """Compute the gradient with respect to the kernel, for stride 1, like `xla_conv` does.

        dW_q = sum_{v,s} x(F v + s + q) dy(F v + s)

    along a row, with s < F = 4: the gradients dy of F outputs stand side by side as F M maps, and
    so do all pixels that they read, F + L - 1 of each input map. One convolution along the columns,
    whose input maps are the images and the cells v, gives all products of the two; the sum takes
    those at a distance of q. XLA's form has few rows in its matrix products, one for each weight.

    Args:
      x: [B, H, W, C]. dy: [B, H', W', M], W' a multiple of F.
      padding: P >= 0 rows and columns of zeros on every side.

    Returns:
      [K, L, C, M]
    """
    channels, (_, outputs, width, maps) = x.shape[-1], dy.shape
    rows, columns = (
        side + 2 * padding - n + 1 for side, n in zip(x.shape[1:3], (outputs, width), strict=True)
    )
    cells, taps = width // _PIXELS, -(-(_PIXELS + columns - 1) // _PIXELS)

    def products(x: jax.Array, dy: jax.Array) -> jax.Array:
        # [b, H + 2P, cells + taps - 1, F C]; each cell of outputs reads `taps` cells of pixels.
        end = (cells + taps - 1) * _PIXELS - x.shape[2] - padding
        padded = jnp.pad(x, ((0, 0), (padding, padding), (padding, end), (0, 0)))
        pixels = padded.reshape((*padded.shape[:2], -1, _PIXELS * channels))
        read = jnp.concatenate([pixels[:, :, t : t + cells] for t in range(taps)], -1)
        read = read.transpose((3, 1, 0, 2))
        by_row = dy.reshape((-1, outputs, cells * _PIXELS * maps)).swapaxes(0, 1)
        result: jax.Array = lax.conv_general_dilated(
            read.reshape((*read.shape[:2], -1)),
            by_row.reshape((outputs, -1, _PIXELS * maps)),
            window_strides=(1,),
            padding=((0, 0),),
            dimension_numbers=("NHC", "HIO", "NHC"),
        )
        return result

    pairs = sum_groups(products, _IMAGES, x, dy)
    pairs = pairs.reshape((taps * _PIXELS, channels, rows, _PIXELS, maps)).transpose(2, 0, 1, 3, 4)
    dkernel = pairs[:, :columns, :, 0]
    for s in range(1, _PIXELS):
        dkernel += pairs[:, s : s + columns, :, s]
    return dkernel
