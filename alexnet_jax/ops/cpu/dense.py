"""Products of a fully connected layer, in the forms that are fastest on a CPU.

Measured on two cores of an Intel Xeon, float32, 32 images: ms of XLA's product / of the product in
parts, which jax 0.10 computes in a loop and jax 0.12 in one batched product.

                        jax 0.10    jax 0.12
    fc6 forward          43 / 33     42 / 24
    fc6 input gradient   19 / 13     24 / 14
    fc7 forward          20 / 17     20 / 10
    fc7 input gradient    8 / 6      16 / 9

With 48 images the parts are still faster; with 64 XLA's forward product is.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import sum_groups

_FEW_IMAGES = 48
# Whether all parts are computed in one batched product; with jax 0.10 fc6 would take 56 ms.
_BATCHED = jax.__version_info__ >= (0, 11)
# Parts of the forward pass's sum over inputs; a batch of 32 parts takes 28 ms instead of 24.
_PARTS = 128 if _BATCHED else 32
_LARGE = 1 << 22  # a kernel with more weights is computed in parts; fc8 has 4.1 million and is not


def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute x W, [B, I] by [I, O] to [B, O], as a sum of products over parts of the inputs."""
    if not _in_parts(x, kernel):
        return x @ kernel
    if not _BATCHED:
        return sum_groups(lambda x, kernel: x.T @ kernel, kernel.shape[0] // _PARTS, x.T, kernel)
    x_parts = x.reshape((x.shape[0], _PARTS, -1)).swapaxes(0, 1)
    kernel_parts = kernel.reshape((_PARTS, -1, kernel.shape[1]))
    return jnp.sum(lax.dot_general(x_parts, kernel_parts, (((2,), (1,)), ((0,), (0,)))), 0)


def input_gradient(dy: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute dy W^T, [B, O] by [I, O] to [B, I], as products of both halves of W with dy^T."""
    if not _in_parts(dy, kernel):
        return dy @ kernel.T
    halves = kernel.reshape((2, -1, kernel.shape[1]))
    dx = lax.dot_general(halves, jnp.broadcast_to(dy, (2, *dy.shape)), (((2,), (2,)), ((0,), (0,))))
    return dx.reshape((kernel.shape[0], -1)).T


def _in_parts(rows: jax.Array, kernel: jax.Array) -> bool:
    """Whether a product is faster in parts: few images, a large kernel, at least 32 bits."""
    few = isinstance(rows.shape[0], int) and 0 < rows.shape[0] <= _FEW_IMAGES
    wide = jnp.dtype(rows.dtype).itemsize >= 4  # each part's sum is rounded to the dtype
    return few and wide and kernel.shape[0] % _PARTS == 0 and kernel.size > _LARGE
