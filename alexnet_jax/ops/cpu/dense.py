"""The products of a fully connected layer in the forms that are fastest on a CPU.

Measured on two cores of an Intel Xeon, float32, 32 images: ms of the library's product / in parts,
jax 0.10 in a loop, jax 0.12 in one product for all parts.

                        jax 0.10    jax 0.12
    fc6 forward          43 / 33     42 / 24
    fc6 input gradient   19 / 13     24 / 14
    fc7 forward          20 / 17     20 / 10
    fc7 input gradient    8 / 6      16 / 9

With 48 images it is still so; with 64 the library's forward product is faster.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import sum_groups

_FEW_IMAGES = 48
_AT_ONCE = jax.__version_info__ >= (0, 11)  # with 0.10 fc6 takes 56 ms so
_PARTS = 128 if _AT_ONCE else 32  # of the forward pass's sum over inputs; 32 at once 28 ms for 24
_LARGE = 1 << 22  # weights: fc8, with as many, is left whole


def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x W: [B, I] by [I, O] to [B, O], summed over a share of the inputs at a time."""
    if not _in_parts(x, kernel):
        return x @ kernel
    if not _AT_ONCE:
        return sum_groups(lambda x, kernel: x.T @ kernel, kernel.shape[0] // _PARTS, x.T, kernel)
    shares = x.reshape((x.shape[0], _PARTS, -1)).swapaxes(0, 1)
    kernels = kernel.reshape((_PARTS, -1, kernel.shape[1]))
    return jnp.sum(lax.dot_general(shares, kernels, (((2,), (1,)), ((0,), (0,)))), 0)


def input_gradient(dy: jax.Array, kernel: jax.Array) -> jax.Array:
    """dy W^T: [B, O] by [I, O] to [B, I], as two products W dy^T."""
    if not _in_parts(dy, kernel):
        return dy @ kernel.T
    halves = kernel.reshape((2, -1, kernel.shape[1]))
    dx = lax.dot_general(halves, jnp.broadcast_to(dy, (2, *dy.shape)), (((2,), (2,)), ((0,), (0,))))
    return dx.reshape((kernel.shape[0], -1)).T


def _in_parts(rows: jax.Array, kernel: jax.Array) -> bool:
    few = isinstance(rows.shape[0], int) and rows.shape[0] <= _FEW_IMAGES
    wide = jnp.dtype(rows.dtype).itemsize >= 4  # each part's sum is rounded to the dtype
    return few and wide and kernel.shape[0] % _PARTS == 0 and kernel.size > _LARGE
