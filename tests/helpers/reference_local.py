"""Average pooling and locally connected layers in float64 NumPy, forward and backward."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers.reference import Array, float64


def _windows(
    sides: tuple[int, int], size: int, stride: int, *, overhang: bool
) -> Iterator[tuple[int, int, slice, slice]]:
    """Each output place (i, j) with the rows and columns of its window that lie inside the map."""
    counts = []
    for side in sides:
        beyond = (side - size) / stride
        counts.append(int(np.ceil(beyond) if overhang else np.floor(beyond)) + 1)
    for i, j in np.ndindex(*counts):
        rows, columns = (
            slice(stride * at, min(side, stride * at + size))
            for at, side in zip((i, j), sides, strict=True)
        )
        yield i, j, rows, columns


def average_pool(x: Any, *, size: int = 3, stride: int = 2, overhang: bool = False) -> Array:
    """y[i, j] = mean of x over the part of its window inside the map."""
    x = float64(x)
    windows = list(_windows(x.shape[-3:-1], size, stride, overhang=overhang))
    y = np.zeros((*x.shape[:-3], windows[-1][0] + 1, windows[-1][1] + 1, x.shape[-1]))
    for i, j, rows, columns in windows:
        y[..., i, j, :] = x[..., rows, columns, :].mean((-3, -2))
    return y


def average_pool_vjp(
    x: Any, dy: Any, *, size: int = 3, stride: int = 2, overhang: bool = False
) -> tuple[Array]:
    """dx[u, v] = sum of dy[i, j] / (places inside the map) over the windows that hold (u, v)."""
    x, dy = float64(x), float64(dy)
    dx = np.zeros(x.shape)
    for i, j, rows, columns in _windows(x.shape[-3:-1], size, stride, overhang=overhang):
        count = (rows.stop - rows.start) * (columns.stop - columns.start)
        dx[..., rows, columns, :] += dy[..., i : i + 1, j : j + 1, :] / count
    return (dx,)


def _read(x: Array, i: int, j: int, kernel: Array, stride: int, padding: int) -> Array:
    """What place (i, j) reads of [..., H, W, C], zeros outside: [..., K, K, C]."""
    border = ((padding, padding), (padding, padding), (0, 0))
    padded = np.pad(x, ((0, 0),) * (x.ndim - 3) + border)
    side = kernel.shape[2]
    return padded[..., stride * i : stride * i + side, stride * j : stride * j + side, :]


def locally_connected(
    x: Any, kernel: Any, bias: Any = None, *, stride: int = 1, padding: int = 0
) -> Array:
    """y[i, j, m] = b[i, j, m] + sum_{p,q,c} W[i, j, p, q, c, m] x[S i + p - P, S j + q - P, c]."""
    x, kernel = float64(x), float64(kernel)
    y = np.zeros((*x.shape[:-3], *kernel.shape[:2], kernel.shape[-1]))
    for i, j in np.ndindex(*kernel.shape[:2]):
        window = _read(x, i, j, kernel, stride, padding)
        y[..., i, j, :] = np.einsum("...pqc,pqcm->...m", window, kernel[i, j])
    return y if bias is None else y + float64(bias)


def locally_connected_vjp(
    x: Any, kernel: Any, dy: Any, *, stride: int = 1, padding: int = 0
) -> tuple[Array, Array, Array]:
    """Gradients of input, kernel and bias, place by place."""
    x, kernel, dy = float64(x), float64(kernel), float64(dy)
    images, slopes = x.reshape(-1, *x.shape[-3:]), dy.reshape(-1, *dy.shape[-3:])
    border = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    dx, dkernel = np.zeros(np.pad(images, border).shape), np.zeros(kernel.shape)
    side = kernel.shape[2]
    for i, j in np.ndindex(*kernel.shape[:2]):
        window, slope = _read(images, i, j, kernel, stride, padding), slopes[:, i, j]
        dkernel[i, j] = np.einsum("bpqc,bm->pqcm", window, slope)
        top, left = stride * i, stride * j
        dx[:, top : top + side, left : left + side] += np.einsum(
            "pqcm,bm->bpqc", kernel[i, j], slope
        )
    height, width = x.shape[-3:-1]
    dx = dx[:, padding : padding + height, padding : padding + width]
    return dx.reshape(x.shape), dkernel, slopes.sum(0)
