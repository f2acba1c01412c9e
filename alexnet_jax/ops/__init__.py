"""Layers of AlexNet as pure functions of arrays.

They have no state and do not depend on the number of devices. Images and maps have their channels
last; B, H, W, C stand for batch, height, width and maps. All layers accept float32, bfloat16 and
float64.

The layers here are fast forms with hand-written backward passes. JAX differentiates those in
reverse mode alone; in forward mode (`jax.jvp`, `jax.jacfwd`, `jax.linearize`, `jax.hessian`) it
raises TypeError. `ops.plain` has the same layers for every mode and order.
"""

from alexnet_jax.ops import plain
from alexnet_jax.ops.average_pool import average_pool
from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.conv import conv2d
from alexnet_jax.ops.dense import dense, dropout
from alexnet_jax.ops.local import locally_connected
from alexnet_jax.ops.loss import cross_entropy, softmax
from alexnet_jax.ops.lrn import local_response_norm, map_response_norm
from alexnet_jax.ops.platform import kernels, may_use_kernels, may_use_rows, on_platform
from alexnet_jax.ops.pool import max_pool
from alexnet_jax.ops.precision import product_precision
from alexnet_jax.ops.remat import rematerialized
from alexnet_jax.ops.stream import streamed
from alexnet_jax.ops.tail import pool_tail
from alexnet_jax.ops.tail_constants import Norm, Tail

__all__ = [
    "Norm",
    "Tail",
    "average_pool",
    "compute_dtype",
    "conv2d",
    "cross_entropy",
    "dense",
    "dropout",
    "kernels",
    "local_response_norm",
    "locally_connected",
    "map_response_norm",
    "max_pool",
    "may_use_kernels",
    "may_use_rows",
    "on_platform",
    "plain",
    "pool_tail",
    "product_precision",
    "rematerialized",
    "softmax",
    "streamed",
]
