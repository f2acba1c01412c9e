"""Fourier transforms of whole small maps, as products with matrices of cosines and sines.

Maps are [h, w, ...] with any axes behind, and real. Transforms are [F, 2, ...], the real and the
imaginary part at F frequencies 2 pi (k / N, l / L) for a period of N rows and L columns.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Up to this period both axes are transformed at once. Products of a transform along one axis after
# the other are fewer, but also less efficient, and there are more frequencies.
_SMALL = 10


@dataclass(frozen=True)
class Period:
    """Rows and columns after which maps repeat.

    Of each two opposite frequencies, f and -f, a real map needs one. Those of a small period are
    one of each; of a larger one, all columns' frequencies for half of the rows', so that the axes
    are transformed one after the other.
    """

    rows: int
    columns: int

    @property
    def small(self) -> bool:
        return max(self.rows, self.columns) <= _SMALL

    @property
    def half(self) -> int:
        """Number of the rows' frequencies."""
        return self.rows // 2 + 1

    @property
    def frequencies(self) -> int:
        """Number F of frequencies."""
        if not self.small:
            return self.half * self.columns
        own_opposites = (2 - self.rows % 2) * (2 - self.columns % 2)
        return (self.rows * self.columns + own_opposites) // 2


def transform(maps: jax.Array, period: Period) -> jax.Array:
    """Compute x^(f) = sum_u x(u) e^{-i f u} for maps of at most a period: [h, w, ...]."""
    height, width, *rest = maps.shape
    if period.small:
        matrix = _exponentials(period, 0, (height, width))
        flat = _constant(matrix, maps.dtype) @ maps.reshape((height * width, -1))
        return flat.reshape((-1, 2, *rest))
    rows, columns = _forward_axes(period, height, width)
    along_rows = _constant(rows, maps.dtype) @ maps.reshape((height, -1))
    along_rows = along_rows.reshape((period.half, 2 * width, -1))
    return _each(columns, along_rows).reshape((-1, 2, *rest))


def inverse(transformed: jax.Array, period: Period, height: int, width: int) -> jax.Array:
    """Compute y(u) = Re sum_f a_f e^{i f u} y^(f) for the first rows and columns of a period.

    a_f counts the frequencies that f stands for, divided by the rows and columns of a period.
    """
    rest, dtype = transformed.shape[2:], transformed.dtype
    if period.small:
        matrix = _weighted(period, 0, (height, width)).T
        flat = _constant(matrix, dtype) @ transformed.reshape((matrix.shape[1], -1))
        return flat.reshape((height, width, *rest))
    rows, columns = _inverse_axes(period, height, width)
    along_columns = _each(columns, transformed.reshape((period.half, 2 * period.columns, -1)))
    flat = _constant(rows, dtype) @ along_columns.reshape((2 * period.half, -1))
    return flat.reshape((height, width, *rest))


def transform_kernel(kernel: jax.Array, period: Period, padding: int) -> jax.Array:
    """Transform a kernel whose first row and column lie at -padding: [K, L, ...]."""
    matrix = _exponentials(period, -padding, kernel.shape[:2])
    flat = _constant(matrix, kernel.dtype) @ kernel.reshape((matrix.shape[1], -1))
    return flat.reshape((-1, 2, *kernel.shape[2:]))


def inverse_kernel(
    products: jax.Array, period: Period, padding: int, shape: tuple[int, ...]
) -> jax.Array:
    """Compute the K x L kernel whose transform is the sum of products x^(f) y^(f)*.

    Args:
      products: [F, 2, 2, ...], those of the real and imaginary part of x^, in this order, with
        those of y^.
      padding: minus the kernel's first row and column.
      shape: K and L.
    """
    weights = _weighted(period, -padding, shape).reshape((-1, 2, math.prod(shape)))
    real, imaginary = weights[:, 0], weights[:, 1]
    matrix = np.stack([real, -imaginary, imaginary, real], 1).reshape((-1, math.prod(shape))).T
    flat = _constant(matrix, products.dtype) @ products.reshape((matrix.shape[1], -1))
    return flat.reshape((*shape, *products.shape[3:]))


def _constant(matrix: np.ndarray, dtype: jnp.dtype) -> jax.Array:
    return jnp.asarray(matrix, dtype)


def _each(matrix: np.ndarray, arrays: jax.Array) -> jax.Array:
    """Multiply [n, m] by each of [F, m, ...]."""
    left = jnp.broadcast_to(_constant(matrix, arrays.dtype), (arrays.shape[0], *matrix.shape))
    return lax.dot_general(left, arrays, (((2,), (1,)), ((0,), (0,))))


@functools.cache
def _frequencies(period: Period) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies [F, 2] and the weights a_f [F]."""
    sides = (period.rows, period.columns)
    pairs = np.array(list(np.ndindex(*sides)))
    if period.small:
        numbers = np.arange(len(pairs))
        opposites = np.ravel_multi_index(tuple((-pairs % sides).T), sides)
        weights = np.where(numbers == opposites, 1, 2)[numbers <= opposites]
        pairs = pairs[numbers <= opposites]
    else:
        pairs = pairs[: period.half * period.columns]
        weights = np.repeat(_counted(period), period.columns)
    return 2 * np.pi * pairs / sides, weights / math.prod(sides)


def _counted(period: Period) -> np.ndarray:
    """Return for each of the rows' frequencies whether it stands for its opposite, too: 2 or 1."""
    numbers = np.arange(period.half)
    return np.where((2 * numbers) % period.rows == 0, 1, 2)


@functools.cache
def _exponentials(period: Period, start: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return e^{-i f u} for positions u from `start` on: [2 F, h w], cosines and minus sines."""
    frequencies, _ = _frequencies(period)
    angles = frequencies @ (np.mgrid[: shape[0], : shape[1]].reshape((2, -1)) + start)
    parts: np.ndarray = np.stack([np.cos(angles), -np.sin(angles)], 1)
    return parts.reshape((-1, angles.shape[1]))


def _weighted(period: Period, start: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a_f e^{i f u} as factors of the real and the imaginary part: [2 F, h w]."""
    _, weights = _frequencies(period)
    weighted: np.ndarray = np.repeat(weights, 2)[:, None] * _exponentials(period, start, shape)
    return weighted


def _angles(count: int, period: int, length: int) -> np.ndarray:
    """Return 2 pi k u / N for numbers k and positions u: [count, length]."""
    return 2 * np.pi / period * np.outer(np.arange(count), np.arange(length))


@functools.cache
def _forward_axes(period: Period, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices of a transform along the rows, then along the columns.

    The first is [2 N', h], from real values, the second [2 L, 2 w], from complex ones.
    """
    angles = _angles(period.half, period.rows, height)
    rows = np.stack([np.cos(angles), -np.sin(angles)], 1).reshape((-1, height))
    angles = _angles(period.columns, period.columns, width)
    cosines, sines = np.cos(angles), np.sin(angles)
    real, imaginary = np.hstack([cosines, sines]), np.hstack([-sines, cosines])
    return rows, np.stack([real, imaginary], 1).reshape((-1, 2 * width))


@functools.cache
def _inverse_axes(period: Period, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices of an inverse along the columns, and along the rows, which is first.

    They are [h, 2 N'], to real values, and [2 w, 2 L], to complex ones.
    """
    weights = _counted(period) / (period.rows * period.columns)
    angles = _angles(period.half, period.rows, height)
    rows = np.stack([np.cos(angles), -np.sin(angles)], 1) * weights[:, None, None]
    angles = _angles(period.columns, period.columns, width).T
    cosines, sines = np.cos(angles), np.sin(angles)
    real, imaginary = np.stack([cosines, -sines], 2), np.stack([sines, cosines], 2)
    columns = np.concatenate([real, imaginary]).reshape((2 * width, -1))
    return rows.reshape((-1, height)).T, columns
