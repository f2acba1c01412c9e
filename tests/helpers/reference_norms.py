"""Normalizations of other networks than the paper's in float64 NumPy, forward and backward."""

from typing import Any

import numpy as np

from helpers import reference

Array = np.ndarray


def _box_sum(x: Array, size: int) -> Array:
    """sum of x over the size x size window around each place of [B, H, W, C], clipped."""
    reach, total = size // 2, np.zeros_like(x)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            window = x[:, max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1]
            total[:, i, j] = window.sum((1, 2))
    return total


def map_norm(
    x: Any, *, size: int = 5, k: float = 1.0, alpha: float = 4e-5, beta: float = 0.75
) -> Array:
    """b = a D^-beta with D = k + alpha sum of a^2 over the window around a place."""
    a = reference.float64(x)
    return a * (k + alpha * _box_sum(a**2, size)) ** -beta


def map_norm_vjp(
    x: Any, dy: Any, *, size: int = 5, k: float = 1.0, alpha: float = 4e-5, beta: float = 0.75
) -> Array:
    """dx = dy D^-beta - 2 alpha beta a (sum over windows that hold it of dy a D^-beta-1)."""
    a, dy = reference.float64(x), reference.float64(dy)
    scale = k + alpha * _box_sum(a**2, size)
    spread = _box_sum(dy * a * scale ** (-beta - 1), size)
    return dy * scale**-beta - 2 * alpha * beta * a * spread


def per_tower(norm: Any, *arrays: Any, **rule: Any) -> Array:
    """A normalization over maps, applied to each half of the maps on its own."""
    halves = zip(*(np.split(reference.float64(x), 2, -1) for x in arrays), strict=True)
    return np.concatenate([np.asarray(norm(*half, **rule)) for half in halves], -1)
