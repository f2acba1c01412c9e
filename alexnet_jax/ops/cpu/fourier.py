"""Convolution with larger kernels in fewer multiplications, by Fourier transforms of tiles."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from alexnet_jax.ops.cpu.microbatch import map_and_sum_groups, map_groups

Complex = tuple[jax.Array, jax.Array]  # real and imaginary part

# Images at a time. On two CPU cores, conv2 of one tower at batch 32, jax 0.12, 4 / 8 / 16 images at
# a time: forward 23, 21, 26 ms, both gradients 65, 56, 70.
_IMAGES = 8
# With a 5 x 5 kernel a tile of 13 x 13 gives 9 x 9 outputs; three by three tiles cover conv2's map.
_TILE = 13


def fourier(x: jax.Array, kernel: jax.Array, *, padding: int) -> jax.Array:
    """Convolve with stride 1 and a square kernel of odd side K < 13, in tiles of side N = 13.

    The output is cut into tiles of T x T, T = N - K + 1; each reads the tile of N x N inputs around
    it. With positions u in the input tile, p in the kernel and v in the output tile, all counted
    from their middles,

        y(v) = sum_{c,p} W_c(p) x_c(v + p) = Re sum_f a_f e^{i f v} sum_c x^_c(f) W^_c(f)*
        x^(f) = sum_u x(u) e^{-i f u}, and W^ likewise

    where * is the complex conjugate. Of each two opposite frequencies f = 2 pi (k, l) / N and -f
    the sum includes one, with a_f = 2 / N^2; f = 0 is its own opposite and has a_f = 1 / N^2. Terms
    that reach beyond N wrap around to outputs that are dropped. In conv2, 85 complex products
    replace 2025 real ones.

    Transforms are products of matrices of cosines and sines with the even and the odd part of a
    tile. The error is that of the plain sum within a factor of about 2: 7e-7 of the largest output
    of conv2 in float32, if the values of a tile are of similar size. It is relative to the largest
    of the 169 values of a tile, though: next to an outlier of 1e6, outputs of conv2 of about 1 that
    do not read it are off by up to about 1e-2. A NaN makes all 81 outputs of a tile NaN, where 25
    read it.

    Args:
      x: [B, H, W, C], float32 or float64.
      kernel: [K, K, C, M] in x's dtype.
      padding: 0 <= P < K rows and columns of zeros on every side.

    Returns:
      [B, H + 2P - K + 1, W + 2P - K + 1, M]

    Source: Mathieu, Henaff and LeCun, Fast Training of Convolutional Networks through FFTs, 2013.
    """
    size = kernel.shape[0]
    rows, columns = (side + 2 * padding - size + 1 for side in x.shape[1:3])
    kernel_hat = _transform_kernel(kernel)

    def convolve(x: jax.Array) -> jax.Array:
        x_hat = _transform(_overlapping_tiles(x, size, padding, rows, columns))
        y_hat = _products(x_hat, kernel_hat, (2, 1), conjugate=True)
        return _from_tiles(_inverse(y_hat, _TILE - size + 1), x.shape[0], rows, columns)

    return map_groups(convolve, _IMAGES, x)


def fourier_gradients(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, *, padding: int
) -> tuple[jax.Array, jax.Array]:
    """Compute the gradients of `fourier` from one transform of dy.

        dx(u) = Re sum_f a_f e^{i f u} sum_m dy^_m(f) W^_m(f)
        dW(p) = Re sum_f a_f e^{i f p} sum over tiles x^(f) dy^(f)*

    Here x is cut into tiles of T x T, and dy into the N x N tiles around them. An outlier or NaN of
    dy disturbs dx as one of x disturbs the outputs of `fourier`.

    Args:
      x: [B, H, W, C]. kernel: [K, K, C, M].
      dy: [B, H + 2P - K + 1, W + 2P - K + 1, M], gradient with respect to the output.
      padding: P of the convolution.

    Returns:
      [B, H, W, C] and [K, K, C, M], the gradients with respect to x and the kernel.
    """
    size = kernel.shape[0]
    rows, columns = x.shape[1:3]
    kernel_hat = _transform_kernel(kernel)

    def gradients(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        dy_hat = _transform(_overlapping_tiles(dy, size, size - 1 - padding, rows, columns))
        x_hat = _transform(_plain_tiles(x, _TILE - size + 1))
        dx = _inverse(_products(dy_hat, kernel_hat, (2, 2)), _TILE - size + 1)
        dkernel_hat = jnp.stack(_products(x_hat, dy_hat, (1, 1), conjugate=True))
        return _from_tiles(dx, x.shape[0], rows, columns), dkernel_hat

    dx, dkernel_hat = map_and_sum_groups(gradients, _IMAGES, x, dy)
    return dx, _inverse((dkernel_hat[0], dkernel_hat[1]), size).reshape(kernel.shape)


@functools.cache
def _angles(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return f u for each f and each u of a tile up to its middle, and the weights a_f.

    The second half of a tile, read backwards, has the positions -u of the first half.

    Returns:
      [F, (side^2 + 1) / 2] angles f u and [F, 1] weights a_f.
    """
    indices = np.arange(_TILE)
    pairs = [(i, j) for i in indices for j in indices if (i, j) <= (-i % _TILE, -j % _TILE)]
    frequencies = 2 * np.pi / _TILE * np.array(pairs)
    from_middle = np.mgrid[:side, :side].reshape((2, -1)) - side // 2
    weights = np.where(np.any(frequencies, 1, keepdims=True), 2, 1) / _TILE**2
    return frequencies @ from_middle[:, : side**2 // 2 + 1], weights


def _transform(tiles: jax.Array) -> Complex:
    """Transform tiles of side n: [n n, R, C] to [F, R, C]."""
    count = tiles.shape[0]
    angles, _ = _angles(math.isqrt(count))
    cosines, sines = np.cos(angles), -np.sin(angles)
    cosines[:, -1] /= 2  # the middle is in both halves
    # The barrier keeps the computation of the tiles out of the loop over both halves.
    flat = lax.optimization_barrier(tiles).reshape((count, -1))
    first, second = flat[: count // 2 + 1], lax.rev(flat[count // 2 :], (0,))
    shape = (-1, *tiles.shape[1:])
    real = (jnp.asarray(cosines, tiles.dtype) @ (first + second)).reshape(shape)
    imaginary = (jnp.asarray(sines[:, :-1], tiles.dtype) @ (first - second)[:-1]).reshape(shape)
    return real, imaginary


def _inverse(transformed: Complex, side: int) -> jax.Array:
    """Transform back to the real tiles of side n: [F, R, C] to [n n, R, C]."""
    angles, weights = _angles(side)
    real, imaginary = transformed
    dtype, shape = real.dtype, real.shape[1:]
    even = jnp.asarray((weights * np.cos(angles)).T, dtype) @ real.reshape((real.shape[0], -1))
    odd = jnp.asarray((-weights * np.sin(angles)).T, dtype) @ imaginary.reshape((real.shape[0], -1))
    tiles = jnp.concatenate([even + odd, lax.rev((even - odd)[:-1], (0,))])
    return tiles.reshape((side**2, *shape))


def _products(
    a: Complex, b: Complex, contracted: tuple[int, int], *, conjugate: bool = False
) -> Complex:
    """Multiply matrices at each f: [F, ...] and [F, ...] to [F, ...], by b or its conjugate b*."""

    def product(i: int, j: int) -> jax.Array:
        over = ((contracted[0],), (contracted[1],))
        return lax.dot_general(a[i], b[j], (over, ((0,), (0,))))

    if conjugate:
        return product(0, 0) + product(1, 1), product(1, 0) - product(0, 1)
    return product(0, 0) - product(1, 1), product(1, 0) + product(0, 1)


def _transform_kernel(kernel: jax.Array) -> Complex:
    """Transform a kernel once for all images: [K, K, C, M] to [F, C, M]."""
    flat = kernel.reshape((-1, *kernel.shape[2:]))
    transformed: Complex = lax.optimization_barrier(_transform(flat))
    return transformed


def _overlapping_tiles(x: jax.Array, size: int, padding: int, rows: int, columns: int) -> jax.Array:
    """Cut x into the tiles of N x N, T apart, that rows x columns outputs read.

    [b, H, W, C] to [N N, b I J, C], for I x J tiles.
    """
    step = _TILE - size + 1
    down, right = -(-rows // step), -(-columns // step)
    reach = ((n - 1) * step + _TILE - padding for n in (down, right))
    far = [r - side for r, side in zip(reach, x.shape[1:3], strict=True)]
    x = jnp.pad(x, ((0, 0), (padding, far[0]), (padding, far[1]), (0, 0)))
    x = jnp.stack([x[:, i * step : i * step + _TILE] for i in range(down)], 1)
    x = jnp.stack([x[:, :, :, j * step : j * step + _TILE] for j in range(right)], 3)
    return _positions_first(x)  # from [b, I, N, J, N, C]


def _plain_tiles(x: jax.Array, side: int) -> jax.Array:
    """Cut x into tiles that do not overlap: [b, H, W, C] to [T T, b I J, C]."""
    count, *sides, maps = x.shape
    down, right = (-(-n // side) for n in sides)
    far = (down * side - sides[0], right * side - sides[1])
    x = jnp.pad(x, ((0, 0), (0, far[0]), (0, far[1]), (0, 0)))
    return _positions_first(x.reshape((count, down, side, right, side, maps)))


def _positions_first(x: jax.Array) -> jax.Array:
    """Move the positions in a tile to the front: [b, I, n, J, n, C] to [n n, b I J, C]."""
    side, maps = x.shape[2], x.shape[-1]
    return x.transpose((2, 4, 0, 1, 3, 5)).reshape((side * side, -1, maps))


def _from_tiles(tiles: jax.Array, count: int, rows: int, columns: int) -> jax.Array:
    """Join tiles and drop what exceeds the maps: [T T, b I J, M] to [b, rows, columns, M]."""
    side, maps = math.isqrt(tiles.shape[0]), tiles.shape[-1]
    down, right = -(-rows // side), -(-columns // side)
    y = tiles.reshape((side, side, count, down, right, maps)).transpose((2, 3, 0, 4, 1, 5))
    return y.reshape((count, down * side, right * side, maps))[:, :rows, :columns]
