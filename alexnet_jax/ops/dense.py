"""Fully connected layers and dropout."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal

from alexnet_jax.ops.check import require_floating, require_rank
from alexnet_jax.ops.cpu import dense as cpu_dense

# x and the kernel, or their gradients: None for what no gradient needs, or has.
Pair = tuple[jax.Array | None, jax.Array | None]


def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Fully connected layer: net_j = b_j + sum_i I_i W_ij.

    Args:
      x: [..., I]; any leading axes.
      kernel: [I, O] of x's dtype.
      bias: [O] or None.

    Returns:
      [..., O] in x's dtype.

    Raises:
      TypeError: dtypes that are not floating or differ.
      ValueError: shapes that do not fit.

    Source: paper section 3.5.
    """
    arrays = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating("dense", **arrays)
    require_rank("dense", "x", x, 1, "[..., I]")
    if kernel.ndim != 2 or kernel.shape[0] != x.shape[-1]:
        raise ValueError(
            f"dense: kernel must have shape [{x.shape[-1]}, O] for x {x.shape}, got {kernel.shape}"
        )
    y = _product(x.reshape((-1, x.shape[-1])), kernel)
    y = y.reshape((*x.shape[:-1], kernel.shape[1]))
    if bias is None:
        return y
    if bias.shape != (kernel.shape[1],):
        raise ValueError(f"dense: bias must have shape ({kernel.shape[1]},), got {bias.shape}")
    return y + bias.reshape((1,) * (y.ndim - 1) + (-1,))


def _turned(dy: jax.Array, kernel: jax.Array) -> jax.Array:
    return dy @ kernel.T


@jax.custom_vjp
def _product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    y: jax.Array = lax.platform_dependent(x, kernel, cpu=cpu_dense.product, default=jnp.matmul)
    return y


def _forward(x: CustomVJPPrimal, kernel: CustomVJPPrimal) -> tuple[jax.Array, Pair]:
    # What has no gradient needs none of the products below.
    kept = (x.value if kernel.perturbed else None, kernel.value if x.perturbed else None)
    return _product(x.value, kernel.value), kept


def _backward(kept: Pair, dy: jax.Array) -> Pair:
    x, kernel = kept
    dx = None
    if kernel is not None:
        dx = lax.platform_dependent(dy, kernel, cpu=cpu_dense.input_gradient, default=_turned)
    dkernel = None if x is None else x.T @ dy
    # Tied: the kernel is read for dx before its gradient is there to update it. XLA, which does
    # not know, would update a copy of it, or keep all gradients until the last is made.
    both: Pair = lax.optimization_barrier((dx, dkernel))
    return both


_product.defvjp(_forward, _backward, symbolic_zeros=True)


def dropout(x: jax.Array, mask: jax.Array | None, *, keep: float = 0.5) -> jax.Array:
    """Dropout as documented and as in 2012: not inverted.

        training (a mask):  h'_i = h_i z_i,   z_i ~ Bernoulli(keep)
        testing (no mask):  h'_i = keep h_i

    The gradient passes the same mask, or `keep`. Caffe and PyTorch divide by `keep` in training
    instead, so initial values and learning rates do not carry over from them.

    Args:
      x: any shape.
      mask: of x's shape, boolean or 0/1, drawn by the caller (who knows the topology); None in
        testing.
      keep: probability of keeping, in (0, 1].

    Returns:
      Same shape and dtype as x.

    Raises:
      TypeError: x not floating.
      ValueError: keep out of range, a mask of another shape.

    Source: paper section 4.2; `layer.cu` (DropoutLayer) of the 2012 source.
    """
    require_floating("dropout", x=x)
    if not 0 < keep <= 1:
        raise ValueError(f"dropout: keep must lie in (0, 1], got {keep!r}")
    if mask is None:
        return x * jnp.asarray(keep, x.dtype)
    if mask.shape != x.shape:
        raise ValueError(f"dropout: mask must have x's shape {x.shape}, got {mask.shape}")
    return x * mask.astype(x.dtype)
