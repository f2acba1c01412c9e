"""Fully connected layers and dropout."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal

from alexnet_jax.ops.check import require_floating, require_rank
from alexnet_jax.ops.cpu import dense as cpu_dense
from alexnet_jax.ops.platform import on_platform
from alexnet_jax.ops.varying import varying_alike

# x and the kernel, or their gradients; None for each that is not needed.
Pair = tuple[jax.Array | None, jax.Array | None]


def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Compute a fully connected layer before its activation, net_j = b_j + sum_i W_ij I_i.

    Args:
      x: [..., I]; any leading axes.
      kernel: [I, O] of x's dtype.
      bias: [O] or None.

    Returns:
      [..., O] in x's dtype.

    Raises:
      TypeError: dtypes that are not floating or differ.
      ValueError: shapes that do not fit.

    Differentiable in reverse mode to any order; for forward mode take `ops.plain.dense`.

    Source: paper section 3.5.
    """
    return apply_kernel(_product, x, kernel, bias)


def apply_kernel(
    multiply: Callable[[jax.Array, jax.Array], jax.Array],
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None,
) -> jax.Array:
    """Check the arguments of `dense`, and compute it with `multiply`, [B, I] by [I, O]."""
    arrays = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating("dense", **arrays)
    require_rank("dense", "x", x, 1, "[..., I]")
    if kernel.ndim != 2 or kernel.shape[0] != x.shape[-1]:
        raise ValueError(
            f"dense: kernel must have shape [{x.shape[-1]}, O] for x {x.shape}, got {kernel.shape}"
        )
    x, kernel = varying_alike((x, kernel))
    y = multiply(x.reshape((-1, x.shape[-1])), kernel)
    y = y.reshape((*x.shape[:-1], kernel.shape[1]))
    if bias is None:
        return y
    if bias.shape != (kernel.shape[1],):
        raise ValueError(f"dense: bias must have shape ({kernel.shape[1]},), got {bias.shape}")
    return y + bias.reshape((1,) * (y.ndim - 1) + (-1,))


def _input_gradient(dy: jax.Array, kernel: jax.Array) -> jax.Array:
    return dy @ kernel.T


@jax.custom_vjp
def _product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Compute x W, [B, I] by [I, O] to [B, O], in the form that is fastest on the platform."""
    return on_platform(x, kernel, cpu=cpu_dense.product, default=jnp.matmul)


def _forward(x: CustomVJPPrimal, kernel: CustomVJPPrimal) -> tuple[jax.Array, Pair]:
    # Only the factors of the gradients that are needed are stored.
    saved = (x.value if kernel.perturbed else None, kernel.value if x.perturbed else None)
    return _product(x.value, kernel.value), saved


def _backward(saved: Pair, dy: jax.Array) -> Pair:
    x, kernel = saved
    dx = None
    if kernel is not None:
        dx = on_platform(dy, kernel, cpu=cpu_dense.input_gradient, default=_input_gradient)
    dkernel = None if x is None else x.T @ dy
    # The barrier ties both gradients, so that the kernel is read for dx before its own gradient
    # can update it. Otherwise XLA would update a copy of the kernel, or keep all gradients in
    # memory until the last one is computed.
    both: Pair = lax.optimization_barrier((dx, dkernel))
    return both


_product.defvjp(_forward, _backward, symbolic_zeros=True)


def dropout(x: jax.Array, mask: jax.Array | None, *, keep: float = 0.5) -> jax.Array:
    """Apply dropout as in the reference text and in 2012, that is, not inverted.

        training (a mask):  h'_i = h_i z_i,   z_i ~ Bernoulli(keep)
        testing (no mask):  h'_i = keep h_i

    where `keep` is the reference text's p. The gradient is multiplied by the same mask, or by
    `keep`. Caffe and PyTorch divide by `keep` in training instead, so that their initial values and
    learning rates do not carry over.

    Args:
      x: any shape.
      mask: z, of x's shape, boolean or 0/1; the caller, who knows the topology, draws it. None in
        testing.
      keep: probability of keeping a unit, in (0, 1].

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
