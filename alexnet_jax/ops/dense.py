"""Fully connected layers and dropout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
    """Compute a fully connected layer before its activation.

        net_j = b_j + sum_i W_ij I_i

    For a cotangent g of net, dI_i = sum_j g_j W_ij; dW_ij sums I_i g_j and db_j sums g_j over the
    leading axes.

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
    return on_platform(
        x,
        dy,
        kernel,
        cpu=partial(_gradients_apart, cpu_dense.input_gradient),
        default=partial(_gradients_apart, _input_gradient),
        tpu=partial(_gradients, _input_gradient),
    )


def _gradients(
    input_gradient: Callable[[jax.Array, jax.Array], jax.Array],
    x: jax.Array | None,
    dy: jax.Array,
    kernel: jax.Array | None,
) -> Pair:
    """Compute the gradients with respect to x, if the kernel is given, and to it, if x is.

    On a TPU the kernel's gradient is then a part of its update. XLA's estimates for fc6 and its
    update on a v5e, in million cycles: 3.1 apart, 2.4 with 1,024 images in bfloat16; 2.5 and 1.9
    with 128 in float32.
    """
    dx = None if kernel is None else input_gradient(dy, kernel)
    dkernel = None if x is None else x.T @ dy
    return dx, dkernel


def _gradients_apart(
    input_gradient: Callable[[jax.Array, jax.Array], jax.Array],
    x: jax.Array | None,
    dy: jax.Array,
    kernel: jax.Array | None,
) -> Pair:
    """Compute the gradients like `_gradients`, apart from the update of the weights.

    The barrier ties both, so that the kernel is read for dx before its own gradient can update it.
    Otherwise XLA would update a copy of the kernel, or keep all gradients in memory until the last
    one is computed.
    """
    both: Pair = lax.optimization_barrier(_gradients(input_gradient, x, dy, kernel))
    return both


def _input_gradient(dy: jax.Array, kernel: jax.Array) -> jax.Array:
    return dy @ kernel.T


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

    Example:
      >>> units = jnp.array([1.0, 2.0, 3.0])
      >>> ops.dropout(units, jnp.array([1, 0, 1]))
      Array([1., 0., 3.], dtype=float32)
      >>> ops.dropout(units, None)
      Array([0.5, 1. , 1.5], dtype=float32)
    """
    require_floating("dropout", x=x)
    if not 0 < keep <= 1:
        raise ValueError(f"dropout: keep must lie in (0, 1], got {keep!r}")
    if mask is None:
        return x * jnp.asarray(keep, x.dtype)
    if mask.shape != x.shape:
        raise ValueError(f"dropout: mask must have x's shape {x.shape}, got {mask.shape}")
    return x * mask.astype(x.dtype)
