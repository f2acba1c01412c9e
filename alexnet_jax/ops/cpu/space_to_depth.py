"""Kernel gradient of a strided convolution, computed over squares of pixels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.cpu.microbatch import sum_groups

# Images at a time. On two CPU cores, conv1 at batch 32, jax 0.12: one 105 ms, two 85, four 100.
_IMAGES = 2


def folded_kernel_gradient(
    x: jax.Array, dy: jax.Array, *, shape: tuple[int, ...], stride: int, padding: int
) -> jax.Array:
    """Compute the gradient with respect to the kernel of a convolution with stride S > 1.

        dW^m_{cpq} = sum_{b,i,j} dnet^m_{b,ij} I^c_{b, Si+p-P, Sj+q-P}

    A square of S x S pixels becomes one pixel with S S C channels. With p = S p' + r, q = S q' + s
    the sum is that of a convolution with stride 1 over channels (r, s, c), whose window has
    ceil(K / S) x ceil(L / S) taps (p', q'). The inputs of all taps, side by side, form one matrix;
    the sum over images and positions is its product with dnet. Taps beyond the kernel are dropped
    at the end.

    Args:
      x: [B, H, W, C]. dy: [B, H', W', M], gradient with respect to the output.
      shape: shape of the kernel, [K, L, C, M].
      stride, padding: those of the convolution.

    Returns:
      [K, L, C, M] in x's dtype.
    """
    rows, columns, maps_in, maps_out = shape
    taps = _taps(shape, stride)

    def gradient(x: jax.Array, dy: jax.Array) -> jax.Array:
        count = x.shape[0]
        folded = _folded(x, dy.shape[1:3], taps, stride, padding)
        folded = lax.optimization_barrier(folded)
        windows = [
            folded[:, p : p + dy.shape[1], q : q + dy.shape[2]]
            for p in range(taps[0])
            for q in range(taps[1])
        ]
        matrix = lax.optimization_barrier(jnp.concatenate(windows, -1))
        positions = dy.shape[1] * dy.shape[2]
        # One product for each image, so that threads divide the images and not a product.
        products = lax.dot_general(
            dy.reshape((count, positions, maps_out)),
            matrix.reshape((count, positions, matrix.shape[-1])),
            (((1,), (1,)), ((0,), (0,))),
            preferred_element_type=compute_dtype(x.dtype),
        )
        return jnp.sum(lax.optimization_barrier(products), 0)

    total = sum_groups(gradient, _IMAGES, x, dy).T
    unfolded = total.reshape((*taps, stride, stride, maps_in, maps_out))
    unfolded = unfolded.transpose((0, 2, 1, 3, 4, 5))
    whole = unfolded.reshape((taps[0] * stride, taps[1] * stride, maps_in, maps_out))
    return whole[:rows, :columns].astype(x.dtype)


def _taps(shape: tuple[int, ...], stride: int) -> tuple[int, int]:
    """Return the taps of a window, ceil(K / S) and ceil(L / S)."""
    return -(-shape[0] // stride), -(-shape[1] // stride)


def _folded(
    x: jax.Array, outputs: tuple[int, ...], taps: tuple[int, int], stride: int, padding: int
) -> jax.Array:
    """Fold squares: [B, H, W, C] to [B, H' + K' - 1, W' + L' - 1, S S C].

    H' x W' are the outputs and K' x L' the taps.
    """
    sides = [stride * (n + t - 1) for n, t in zip(outputs, taps, strict=True)]
    # The result ends with the last window: zeros are added or pixels are cut off, as needed.
    config = [(padding, n - side - padding, 0) for n, side in zip(sides, x.shape[1:3], strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])
    count, height, width = x.shape[0], sides[0] // stride, sides[1] // stride
    cells = x.reshape((count, height, stride, width, stride, x.shape[-1]))
    return cells.transpose((0, 1, 3, 2, 4, 5)).reshape(
        (count, height, width, stride**2 * x.shape[-1])
    )
