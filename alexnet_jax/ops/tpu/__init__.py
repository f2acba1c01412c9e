"""Kernels for TPUs: normalization and pooling in one pass over the memory."""

from alexnet_jax.ops.tpu.pool import pool
from alexnet_jax.ops.tpu.pool_gradient import fits, pool_gradient

__all__ = ["fits", "pool", "pool_gradient"]
