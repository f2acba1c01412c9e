"""Rectification, normalization and pooling as one function: examples, and their reference."""

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from helpers import reference

BATCH = 128  # images of one register of a TPU
PAPER = ops.Tail(rectify=True, norm=ops.Norm(n=5, k=1.5, alpha=0.3, beta=0.75))
# Windows of even length within blocks of maps, and another power.
BLOCKS = ops.Tail(norm=ops.Norm(n=4, k=1.5, alpha=0.3, beta=0.6, width=16))
ALONE = ops.Tail()


def wanted(tail: ops.Tail, x: jax.Array, bias: jax.Array, dy: jax.Array) -> tuple[np.ndarray, ...]:
    """Value and gradients of a tail in float64, from the references of the layers."""
    a = reference.float64(x) + reference.float64(bias)
    rectified = np.maximum(a, 0) if tail.rectify else a
    y, constants = rectified, {}
    if tail.norm is not None:
        norm = tail.norm
        constants = {"n": norm.n, "k": norm.k, "alpha": norm.alpha, "beta": norm.beta}
        blocks = (*a.shape[:-1], -1, norm.width or a.shape[-1])
        y = reference.local_response_norm(rectified.reshape(blocks), **constants).reshape(a.shape)
    # The layer rounds before it compares.
    y = reference.float64(jnp.asarray(y, x.dtype))
    (slope,) = reference.max_pool_vjp(y, dy)
    if tail.norm is not None:
        (slope,) = reference.local_response_norm_vjp(
            rectified.reshape(blocks), slope.reshape(blocks), **constants
        )
        slope = slope.reshape(a.shape)
    slope = np.where(a > 0, slope, 0) if tail.rectify else slope
    return reference.max_pool(y), slope, slope.sum((0, 1, 2))
