"""Normalization and pooling in NumPy, float64, value and gradient, written from their formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alexnet_jax.network import LRN, Layer, MaxPool

Both = tuple[np.ndarray, np.ndarray]


def local_response_norm(
    x: np.ndarray,
    dy: np.ndarray,
    *,
    n: int = 5,
    k: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
) -> Both:
    """Return b and the gradient of sum(b dy), for x and dy [..., C].

    b_i = a_i D_i^-beta,  D_i = k + alpha sum_{j in W(i)} a_j^2,  W(i) = i - n//2 ... i + (n-1)//2
    """
    x, dy = x.astype(np.float64), dy.astype(np.float64)
    maps = np.arange(x.shape[-1])
    offset = maps[:, None] - maps[None, :]  # j - i, of a neighbour j (rows) of a map i
    window = ((offset >= -(n // 2)) & (offset <= (n - 1) // 2)).astype(np.float64)
    scale = k + alpha * (x * x) @ window
    pull = (dy * x * scale ** (-beta - 1)) @ window.T
    return x * scale**-beta, dy * scale**-beta - 2 * alpha * beta * x * pull


def max_pool(x: np.ndarray, dy: np.ndarray, *, size: int = 3, stride: int = 2) -> Both:
    """Return the maxima of windows of x [B, H, W, C], and the gradient of their sum with dy.

    Every input that equals its window's maximum has that window's gradient.
    """
    x, dy = x.astype(np.float64), dy.astype(np.float64)
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:3])
    taps = [
        np.s_[
            :, p : p + stride * (rows - 1) + 1 : stride, q : q + stride * (columns - 1) + 1 : stride
        ]
        for p in range(size)
        for q in range(size)
    ]
    y = np.max([x[tap] for tap in taps], axis=0)
    dx = np.zeros_like(x)
    for tap in taps:
        dx[tap] += np.where(x[tap] == y, dy, 0)
    return y, dx


def rectified(x: np.ndarray, dy: np.ndarray, layers: Sequence[Layer]) -> Both:
    """Return the output of layers behind max(x, 0), and the gradient of its sum with dy.

    Args:
      layers: normalizations across maps and pools.
    """
    inputs = [np.maximum(x.astype(np.float64), 0)]
    for layer in layers:
        inputs.append(_both(layer, inputs[-1], None)[0])
    gradient = dy
    for layer, before in zip(reversed(layers), reversed(inputs[:-1]), strict=True):
        gradient = _both(layer, before, gradient)[1]
    return inputs[-1], gradient * (x > 0)


def _both(layer: Layer, x: np.ndarray, dy: np.ndarray | None) -> Both:
    """Compute one layer; the gradient is of no use without dy."""
    dy = np.zeros(()) if dy is None else dy
    match layer:
        case LRN():
            return local_response_norm(
                x, dy, n=layer.n, k=layer.k, alpha=layer.alpha, beta=layer.beta
            )
        case MaxPool():
            return max_pool(x, dy, size=layer.size, stride=layer.stride)
    raise TypeError(f"no reference of {layer}")


def crop_geometry(views: np.ndarray, stored: int) -> bool:
    """Whether views of images whose pixels say where they lie are crops, mirrored or not.

    Args:
      views: [B, h, w, 3] of images whose channels are row, column and number of the image, without
        noise and in units of a pixel.
      stored: side of the stored images.
    """
    height, width = views.shape[1:3]
    for number, view in enumerate(np.asarray(views, np.float64)):
        top, left = view[0, 0, 0], view[0, :, 1].min()
        if not (0 <= top <= stored - height and 0 <= left <= stored - width):
            return False
        columns = left + np.arange(width)
        if view[0, 0, 1] > left:
            columns = columns[::-1]
        wanted = np.empty_like(view)
        wanted[..., 0] = top + np.arange(height)[:, None]
        wanted[..., 1], wanted[..., 2] = columns, number
        if not np.array_equal(view, wanted):
            return False
    return True
