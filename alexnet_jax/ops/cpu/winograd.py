"""Convolution with 3 x 3 kernels in fewer multiplications, by Winograd's F(2 x 2, 3 x 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.cpu.microbatch import map_and_sum_groups, map_groups

# Images at a time; the tiles of 8 images of 13 x 13 maps take a few MB. On two CPU cores, conv3 at
# batch 32, forward: all images at once 30 ms, 16 at a time 33, 8 26, 4 28, 2 32; both gradients:
# 16 at a time 87 ms, 8 78, 4 66.
_IMAGES = 8
_IMAGES_WITH_GRADIENTS = 4
_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2
_BOTH_SIDES = np.kron(_G, _G)  # computes G d G^T from the rows of d, one after the other


def winograd(x: jax.Array, kernel: jax.Array, *, padding: int) -> jax.Array:
    """Convolve with stride 1 and a 3 x 3 kernel, by 16 matrix products over tiles.

    The output Y is cut into tiles of 2 x 2. Each reads a tile d of 4 x 4 inputs, which overlaps the
    next one by two:

        Y = A^T [sum_c (G W_c G^T) * (B^T d_c B)] A

              1  0 -1  0           1    0    0
        B^T = 0  1  1  0      G = 1/2  1/2  1/2     A^T = 1  1  1  0
              0 -1  1  0          1/2 -1/2  1/2           0  1 -1 -1
              0  1  0 -1           0    0    1

    where * multiplies element by element: 16 multiplications for a tile instead of the 36 of the
    plain sum. All constants are exact in binary. The error is that of the plain sum within a factor
    of about 2, relative to the largest input that an output reads times the largest weight: an
    outlier that meets a weight of zero disturbs the output all the same. No output depends on an
    input that it does not read, not on a NaN either.

    Args:
      x: [B, H, W, C], float32 or float64.
      kernel: [3, 3, C, M] in x's dtype.
      padding: P >= 0 rows and columns of zeros on every side.

    Returns:
      [B, H + 2P - 2, W + 2P - 2, M]

    Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, section 4.1.
    """
    rows, columns = (side + 2 * padding - 2 for side in x.shape[1:3])
    kernel_tiles = lax.optimization_barrier(_kernel_tiles(kernel))

    def convolve(x: jax.Array) -> jax.Array:
        # The barriers keep each transform out of the loops of the products and of the other one.
        tiles = lax.optimization_barrier(_input_tiles(x, padding))
        return _products(tiles, kernel_tiles, x.shape[0], rows, columns)

    return map_groups(convolve, _IMAGES, x)


def winograd_gradients(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, *, padding: int
) -> tuple[jax.Array, jax.Array]:
    """Compute the gradients of `winograd` from one transform of dy.

    The gradient with respect to x is a convolution of dy with V, the kernel rotated by 180 degrees:

        dX = A^T [sum_m (G V_m G^T) * (B^T d_m B)] A
        dV = G^T [sum over tiles (B^T d_m B) * (A X A^T)] G

    where X is a 2 x 2 tile of x and d_m the 4 x 4 tile of dy around it.

    Args:
      x: [B, H, W, C]. kernel: [3, 3, C, M].
      dy: [B, H + 2P - 2, W + 2P - 2, M], gradient with respect to the output.
      padding: P of the convolution, 0 <= P <= 2.

    Returns:
      [B, H, W, C] and [3, 3, C, M], the gradients with respect to x and the kernel.
    """
    rotated = lax.rev(kernel, (0, 1)).swapaxes(2, 3)
    rotated_tiles = lax.optimization_barrier(_kernel_tiles(rotated))

    def gradients(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        dy_tiles = lax.optimization_barrier(_input_tiles(dy, 2 - padding))
        dx = _products(dy_tiles, rotated_tiles, *x.shape[:3])
        x_tiles = lax.optimization_barrier(_output_tiles(x))
        return dx, lax.dot_general(x_tiles, dy_tiles, (((1,), (1,)), ((0,), (0,))))

    dx, drotated_tiles = map_and_sum_groups(gradients, _IMAGES_WITH_GRADIENTS, x, dy)
    return dx, lax.rev(_kernel_from_tiles(drotated_tiles), (0, 1))


Transform = Callable[[Sequence[jax.Array]], list[jax.Array]]  # of the rows of a tile


def _tile_count(side: int) -> int:
    """Return the number of 2 x 2 tiles along a side."""
    return -(-side // 2)


def _both(transform: Transform, tile: Sequence[Sequence[jax.Array]]) -> list[list[jax.Array]]:
    """Compute M d M^T for a tile d, where `transform` multiplies by M."""
    columns = [transform(column) for column in zip(*tile, strict=True)]
    return [transform(row) for row in zip(*columns, strict=True)]


def _flat(tile: Sequence[Sequence[jax.Array]]) -> jax.Array:
    """Concatenate 4 x 4 arrays [..., C] to [16, N, C]."""
    return jnp.concatenate([v.reshape((1, -1, v.shape[-1])) for row in tile for v in row])


def _input_tiles(x: jax.Array, padding: int) -> jax.Array:
    """Compute B^T d B: [b, H, W, C] to [16, b T T', C], for T x T' tiles of an image."""
    rows, columns = (_tile_count(side + 2 * padding - 2) for side in x.shape[1:3])
    high = (2 * rows + 2 - padding - x.shape[1], 2 * columns + 2 - padding - x.shape[2])
    x = jnp.pad(x, ((0, 0), (padding, high[0]), (padding, high[1]), (0, 0)))
    tile = [
        [x[:, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for j in range(4)]
        for i in range(4)
    ]
    return _flat(_both(lambda d: [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]], tile))


def _output_tiles(y: jax.Array) -> jax.Array:
    """Compute A Y A^T: [b, H, W, M] to [16, b T T', M]."""
    down, right = (side % 2 for side in y.shape[1:3])
    y = jnp.pad(y, ((0, 0), (0, down), (0, right), (0, 0)))
    tile = [[y[:, i::2, j::2] for j in range(2)] for i in range(2)]
    return _flat(_both(lambda v: [v[0], v[0] + v[1], v[0] - v[1], -v[1]], tile))


def _from_tiles(products: Sequence[jax.Array]) -> jax.Array:
    """Compute A^T m A: 16 arrays [b, T, T', M] to [b, 2T, 2T', M]."""
    y = _both(
        lambda m: [m[0] + m[1] + m[2], m[1] - m[2] - m[3]],
        [products[i : i + 4] for i in range(0, 16, 4)],
    )
    count, rows, columns, maps = products[0].shape
    stacked = jnp.stack([jnp.stack(row, 3) for row in y], 2)  # [b, T, 2, T', 2, M]
    return stacked.reshape((count, 2 * rows, 2 * columns, maps))


def _products(
    tiles: jax.Array, kernel_tiles: jax.Array, count: int, rows: int, columns: int
) -> jax.Array:
    """Compute A^T [sum_c ...] A: [16, b T T', C] and [16, C, M] to [b, rows, columns, M]."""
    products = lax.dot_general(tiles, kernel_tiles, (((2,), (1,)), ((0,), (0,))))
    shape = (count, _tile_count(rows), _tile_count(columns), kernel_tiles.shape[-1])
    y = _from_tiles([p.reshape(shape) for p in lax.optimization_barrier(products)])
    return y[:, :rows, :columns]


def _kernel_tiles(kernel: jax.Array) -> jax.Array:
    """Compute G W G^T: [3, 3, C, M] to [16, C, M]."""
    tiles = jnp.asarray(_BOTH_SIDES, kernel.dtype) @ kernel.reshape((9, -1))
    return tiles.reshape((16, *kernel.shape[2:]))


def _kernel_from_tiles(products: jax.Array) -> jax.Array:
    """Compute G^T p G: [16, C, M] to [3, 3, C, M]."""
    kernel = jnp.asarray(_BOTH_SIDES.T, products.dtype) @ products.reshape((16, -1))
    return kernel.reshape((3, 3, *products.shape[1:]))
