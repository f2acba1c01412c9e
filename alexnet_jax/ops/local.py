"""Locally connected layer: a convolution whose kernels are not shared between places."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.check import require_floating, require_rank, require_whole


def locally_connected(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> jax.Array:
    """Compute a locally connected layer with stride S and zero padding P.

        y_ijm = b_ijm + sum_{p,q,c} W_{ij,pqc,m} x_{S i + p - P, S j + q - P, c}

    Each place (i, j) of the output has a kernel and biases of its own; otherwise it is a
    convolution, whose output sides it has.

    Args:
      x: [..., H, W, C]; any leading axes.
      kernel: [H', W', K, K, C, M].
      bias: [H', W', M], or None for none.
      stride: >= 1.
      padding: >= 0.

    Returns:
      [..., H', W', M] in x's dtype.

    Raises:
      TypeError: arrays that are not floating or differ in dtype; stride or padding not whole.
      ValueError: shapes that do not fit each other; a stride or padding out of range.

    Differentiable in every mode and to any order.

    Source: `layer.py` (LocalUnsharedLayer) of the 2012 source.
    """
    arrays = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating("locally_connected", **arrays)
    require_rank("locally_connected", "x", x, 3, "[..., H, W, C]")
    stride = require_whole("locally_connected", "stride", stride, 1)
    padding = require_whole("locally_connected", "padding", padding, 0)
    _require_shapes(x, kernel, bias, stride, padding)
    lead, (rows, columns, side, _, channels, maps) = x.shape[:-3], kernel.shape
    images = x.reshape((math.prod(lead), *x.shape[-3:]))
    patches = _patches(images, (rows, columns), side, stride, padding)
    places = kernel.reshape((rows * columns, side * side * channels, maps))
    y = jnp.moveaxis(jnp.matmul(patches, places), 0, 1).reshape((*lead, rows, columns, maps))
    return y if bias is None else y + lax.expand_dims(bias, range(len(lead)))


def _patches(
    x: jax.Array, places: tuple[int, int], window: int, stride: int, padding: int
) -> jax.Array:
    """Return what each place reads: [B, H, W, C] to [H' W', B, K K C]."""
    edges = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    # Places come first, so that each one's product with its kernel reads adjacent values.
    padded = jnp.transpose(jnp.pad(x, edges), (1, 2, 0, 3))
    rows, columns = ((count - 1) * stride + 1 for count in places)
    taps = [
        lax.slice(
            padded,
            (p, q, 0, 0),
            (p + rows, q + columns, *padded.shape[2:]),
            (stride, stride, 1, 1),
        )
        for p in range(window)
        for q in range(window)
    ]
    patches = jnp.concatenate(taps, axis=-1)
    return patches.reshape((math.prod(places), *patches.shape[2:]))


def _require_shapes(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None, stride: int, padding: int
) -> None:
    """Raise ValueError unless kernel and bias fit the maps."""
    if kernel.ndim != 6 or kernel.shape[2] != kernel.shape[3]:
        raise ValueError(
            f"locally_connected: kernel must have shape [H', W', K, K, C, M], got {kernel.shape}"
        )
    window, channels = kernel.shape[3:5]
    sides = tuple((side + 2 * padding - window) // stride + 1 for side in x.shape[-3:-1])
    if kernel.shape[:2] != sides or channels != x.shape[-1]:
        raise ValueError(
            f"locally_connected: kernel {kernel.shape} does not fit x {x.shape} with stride "
            f"{stride} and padding {padding}, which needs [{sides[0]}, {sides[1]}, {window}, "
            f"{window}, {x.shape[-1]}, M]"
        )
    if bias is not None and bias.shape != (*sides, kernel.shape[-1]):
        raise ValueError(
            f"locally_connected: bias must have shape {(*sides, kernel.shape[-1])}, got "
            f"{bias.shape}"
        )
