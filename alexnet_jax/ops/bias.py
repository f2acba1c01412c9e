"""Bias of maps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.platform import on_platform


def add_bias(y: jax.Array, bias: jax.Array) -> jax.Array:
    """Add a bias [C] to maps [..., C].

    Its gradient is a sum over all other axes. On a TPU that is a product with ones: for
    1,024 images of conv1's maps in bfloat16 1.4 instead of 7.9 million cycles (estimates of the
    compiler for v5e). In float32 all bits of the terms take part in either form.
    """
    return on_platform(y, bias, cpu=_add, default=_add, tpu=_add_product)


def _add(y: jax.Array, bias: jax.Array) -> jax.Array:
    return y + bias.reshape((1,) * (y.ndim - 1) + (-1,))


def _add_product(y: jax.Array, bias: jax.Array) -> jax.Array:
    """Add ones [...] times the bias: the transposed product is the sum."""
    ones = jnp.ones(y.shape[:-1], y.dtype)
    return y + lax.dot_general(ones, bias, (((), ()), ((), ())), precision=lax.Precision.HIGHEST)
