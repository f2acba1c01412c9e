"""Convolution with 3 x 3 kernels in fewer multiplications: Winograd's F(2 x 2, 3 x 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.cpu.microbatch import map_and_sum_groups, map_groups

# What 8 images of 13 x 13 maps become is a few MB. On two CPU cores, conv3 at batch 32, all images
# at once / 16 / 8 / 4 / 2 at a time: forward 30, 33, 26, 28, 32 ms.
_IMAGES = 8
_IMAGES_WITH_GRADIENTS = 4  # conv3's, 16 / 8 / 4 at a time: 87, 78, 66 ms
_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2
_BOTH_SIDES = np.kron(_G, _G)  # G d G^T of a d whose rows are laid one after the other


def winograd(x: jax.Array, kernel: jax.Array, *, padding: int) -> jax.Array:
    """Convolution with stride 1 and a kernel of 3 x 3, as 16 matrix products over tiles.

    The output is cut into tiles of 2 x 2, each of which reads a tile d of 4 x 4, two apart:

        Y = A^T [sum_c (G W_c G^T) * (B^T d_c B)] A

              1  0 -1  0           1    0    0
        B^T = 0  1  1  0      G = 1/2  1/2  1/2     A^T = 1  1  1  0
              0 -1  1  0          1/2 -1/2  1/2           0  1 -1 -1
              0  1  0 -1           0    0    1

    with * element by element: 16 multiplications for a tile where the plain sum takes 36. All
    constants are exact in binary, and the error is that of the plain sum to a factor of about 2.

    Args:
      x: [B, H, W, C], float32 or float64.
      kernel: [3, 3, C, M] in x's dtype.
      padding: P >= 0 rows and columns of zeros on every side.

    Returns:
      [B, H + 2P - 2, W + 2P - 2, M]

    Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, section 4.1.
    """
    rows, columns = (side + 2 * padding - 2 for side in x.shape[1:3])
    of_kernel = lax.optimization_barrier(_kernel_tiles(kernel))

    def one(x: jax.Array) -> jax.Array:
        # The barriers keep each transform out of the loops of the products and of the other.
        tiles = lax.optimization_barrier(_input_tiles(x, padding))
        return _products(tiles, of_kernel, x.shape[0], rows, columns)

    return map_groups(one, _IMAGES, x)


def winograd_gradients(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, *, padding: int
) -> tuple[jax.Array, jax.Array]:
    """Gradients with respect to x and the kernel of `winograd`, from one transform of dy.

    That of x is a convolution of dy with V, the kernel turned by half a circle:

        dX = A^T [sum_m (G V_m G^T) * (B^T d_m B)] A
        dV = G^T [sum over tiles (B^T d_m B) * (A X A^T)] G

    with d the tiles of dy around those of x, X.

    Args:
      x: [B, H, W, C]. kernel: [3, 3, C, M].
      dy: [B, H + 2P - 2, W + 2P - 2, M], with respect to the output. P <= 2.

    Returns:
      [B, H, W, C] and [3, 3, C, M]
    """
    of_turned = lax.optimization_barrier(_kernel_tiles(lax.rev(kernel, (0, 1)).swapaxes(2, 3)))

    def one(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        of_dy = lax.optimization_barrier(_input_tiles(dy, 2 - padding))
        dx = _products(of_dy, of_turned, *x.shape[:3])
        of_x = lax.optimization_barrier(_output_tiles(x))
        return dx, lax.dot_general(of_x, of_dy, (((1,), (1,)), ((0,), (0,))))

    dx, of_dturned = map_and_sum_groups(one, _IMAGES_WITH_GRADIENTS, x, dy)
    return dx, lax.rev(_to_kernel(of_dturned), (0, 1))


Transform = Callable[[Sequence[jax.Array]], list[jax.Array]]  # of the rows of a tile


def _tiles(side: int) -> int:
    return -(-side // 2)


def _both(transform: Transform, tile: Sequence[Sequence[jax.Array]]) -> list[list[jax.Array]]:
    """M d M^T for a transform M of rows."""
    columns = [transform(column) for column in zip(*tile, strict=True)]
    return [transform(row) for row in zip(*columns, strict=True)]


def _flat(tile: Sequence[Sequence[jax.Array]]) -> jax.Array:
    """4 x 4 arrays [..., C] to [16, N, C]."""
    return jnp.concatenate([v.reshape((1, -1, v.shape[-1])) for row in tile for v in row])


def _input_tiles(x: jax.Array, padding: int) -> jax.Array:
    """B^T d B: [b, H, W, C] to [16, b T T', C] for T x T' tiles of an image."""
    rows, columns = (_tiles(side + 2 * padding - 2) for side in x.shape[1:3])
    high = (2 * rows + 2 - padding - x.shape[1], 2 * columns + 2 - padding - x.shape[2])
    x = jnp.pad(x, ((0, 0), (padding, high[0]), (padding, high[1]), (0, 0)))
    tile = [
        [x[:, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for j in range(4)]
        for i in range(4)
    ]
    return _flat(_both(lambda d: [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]], tile))


def _output_tiles(dy: jax.Array) -> jax.Array:
    """A dY A^T: [b, H, W, M] to [16, b T T', M]."""
    down, right = (side % 2 for side in dy.shape[1:3])
    dy = jnp.pad(dy, ((0, 0), (0, down), (0, right), (0, 0)))
    tile = [[dy[:, i::2, j::2] for j in range(2)] for i in range(2)]
    return _flat(_both(lambda y: [y[0], y[0] + y[1], y[0] - y[1], -y[1]], tile))


def _from_tiles(products: Sequence[jax.Array]) -> jax.Array:
    """A^T m A: 16 arrays [b, T, T', M] to [b, 2T, 2T', M]."""
    y = _both(
        lambda m: [m[0] + m[1] + m[2], m[1] - m[2] - m[3]],
        [products[i : i + 4] for i in range(0, 16, 4)],
    )
    count, rows, columns, maps = products[0].shape
    together = jnp.stack([jnp.stack(row, 3) for row in y], 2)  # b, T, 2, T', 2, M
    return together.reshape((count, 2 * rows, 2 * columns, maps))


def _products(
    tiles: jax.Array, of_kernel: jax.Array, count: int, rows: int, columns: int
) -> jax.Array:
    """A^T [...] A: [16, b T T', C] and [16, C, M] to [b, rows, columns, M]."""
    products = lax.dot_general(tiles, of_kernel, (((2,), (1,)), ((0,), (0,))))
    shape = (count, _tiles(rows), _tiles(columns), of_kernel.shape[-1])
    y = _from_tiles([p.reshape(shape) for p in lax.optimization_barrier(products)])
    return y[:, :rows, :columns]


def _kernel_tiles(kernel: jax.Array) -> jax.Array:
    """G W G^T: [3, 3, C, M] to [16, C, M]."""
    tiles = jnp.asarray(_BOTH_SIDES, kernel.dtype) @ kernel.reshape((9, -1))
    return tiles.reshape((16, *kernel.shape[2:]))


def _to_kernel(products: jax.Array) -> jax.Array:
    """G^T p G: [16, C, M] to [3, 3, C, M]."""
    kernel = jnp.asarray(_BOTH_SIDES.T, products.dtype) @ products.reshape((16, -1))
    return kernel.reshape((3, 3, *products.shape[1:]))
