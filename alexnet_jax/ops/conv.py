"""Convolution over the maps of a layer, whole or in groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal

from alexnet_jax.ops import xla_conv
from alexnet_jax.ops.bias import add_bias
from alexnet_jax.ops.check import require_floating, require_nonempty, require_rank, require_whole
from alexnet_jax.ops.cpu import conv as cpu_conv
from alexnet_jax.ops.platform import on_platform
from alexnet_jax.ops.varying import varying_alike
from alexnet_jax.ops.xla_conv import Gradients

# Convolution of one group: x, kernel, stride and padding to the output.
Convolve = Callable[[jax.Array, jax.Array, int, int], jax.Array]
# x, the kernel, and for each of the two () if its gradient is needed, else None.
Saved = tuple[jax.Array, jax.Array, tuple[tuple[()] | None, tuple[()] | None]]


def conv2d(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> jax.Array:
    """Convolve (cross-correlate) maps with a kernel, with zero padding.

        net^m_ij = b^m + sum_{c,p,q} W^m_{cpq} I^c_{Si+p-P, Sj+q-P}

    with S = `stride`, P = `padding`; output sides are floor((H + 2P - K) / S) + 1. This is the
    reference text's formula for conv1 before its activation, with the sum over input maps c that
    the text leaves out. The gradients are those of this sum: dI sums over the output positions that
    read an input, dW and db sum over images and positions.

    The number of groups follows from the shapes: G = C // kernel.shape[2]. Group g maps the g-th
    block of input maps to the g-th block of output maps, so that conv2 has two groups on a device
    that holds both towers and one on a device that holds a single tower. Each group is a separate
    plain convolution: the backward pass of XLA's grouped convolution is about ten times slower on a
    CPU, and it gathers all maps if they are sharded.

    Args:
      x: [..., H, W, C] images or maps; any leading axes, also without elements.
      kernel: [K, L, C / G, M] of x's dtype; M >= 0 output maps.
      bias: [M] or None.
      stride: S >= 1, both axes.
      padding: P >= 0 rows and columns of zeros on every side.

    Returns:
      [..., H', W', M] in x's dtype.

    Raises:
      TypeError: dtypes that are not floating or differ; a stride or padding that is not whole.
      ValueError: shapes that do not fit; a kernel larger than the padded input; images or a
        kernel without rows, columns or input maps.

    Differentiable in reverse mode to any order; for forward mode take `ops.plain.conv2d`.

    Source: paper section 3.5; `layers-145.cfg` and `filter_acts.cu` of the 2012 source.
    """
    return convolve_groups(_convolve, x, kernel, bias, stride=stride, padding=padding)


def convolve_groups(
    convolve: Convolve,
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None,
    *,
    stride: int,
    padding: int,
) -> jax.Array:
    """Check the arguments of `conv2d`, and compute it with `convolve` for each group."""
    arrays = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating("conv2d", **arrays)
    require_rank("conv2d", "x", x, 3, "[..., H, W, C]")
    stride = require_whole("conv2d", "stride", stride, 1)
    padding = require_whole("conv2d", "padding", padding, 0)
    groups = _groups(x, kernel, bias)
    require_nonempty("conv2d", "x", x, slice(-3, -1), "row and column")
    require_nonempty("conv2d", "kernel", kernel, slice(0, 2), "row and column")
    for side, length in zip(x.shape[-3:-1], kernel.shape[:2], strict=True):
        if length > side + 2 * padding:
            raise ValueError(
                f"conv2d: kernel of {kernel.shape[0]}x{kernel.shape[1]} is larger than its input "
                f"of {x.shape[-3]}x{x.shape[-2]} with padding {padding}"
            )
    x, kernel = varying_alike((x, kernel))
    images = x.reshape((-1, *x.shape[-3:]))
    parts = [
        convolve(x_g, kernel_g, stride, padding)
        for x_g, kernel_g in zip(
            jnp.split(images, groups, -1), jnp.split(kernel, groups, -1), strict=True
        )
    ]
    y = parts[0] if groups == 1 else jnp.concatenate(parts, -1)
    if bias is not None:
        y = add_bias(y, bias)
    return y.reshape((*x.shape[:-3], *y.shape[1:]))


def _groups(x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> int:
    """Return the number of groups; ValueError for shapes that do not fit."""
    if kernel.ndim != 4:
        raise ValueError(f"conv2d: kernel must have shape [K, L, C, M], got {kernel.shape}")
    maps, in_maps, out_maps = x.shape[-1], kernel.shape[2], kernel.shape[3]
    if in_maps == 0 or maps == 0 or maps % in_maps:
        raise ValueError(f"conv2d: {maps} input maps do not divide over a kernel of {in_maps}")
    groups = maps // in_maps
    if out_maps % groups:
        raise ValueError(f"conv2d: {out_maps} output maps do not divide into {groups} groups")
    if bias is not None and bias.shape != (out_maps,):
        raise ValueError(f"conv2d: bias must have shape ({out_maps},), got {bias.shape}")
    return groups


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Convolve one group, in the form that is fastest on the platform."""
    cpu = partial(cpu_conv.convolution, stride=stride, padding=padding)
    default = partial(xla_conv.convolution, stride=stride, padding=padding)
    return on_platform(x, kernel, cpu=cpu, default=default)


def _forward(
    x: CustomVJPPrimal, kernel: CustomVJPPrimal, stride: int, padding: int
) -> tuple[jax.Array, Saved]:
    # The needed gradients are noted in the structure of the tuple: booleans would be traced.
    needed = (() if x.perturbed else None, () if kernel.perturbed else None)
    return _convolve(x.value, kernel.value, stride, padding), (x.value, kernel.value, needed)


def _backward(stride: int, padding: int, saved: Saved, dy: jax.Array) -> Gradients:
    x, kernel, (need_dx, need_dkernel) = saved
    # Without this barrier XLA would transform x for the kernel's gradient early and keep the result
    # in memory.
    x, kernel, dy = lax.optimization_barrier((x, kernel, dy))

    def computed_by(
        form: Callable[..., Gradients], x: jax.Array, dy: jax.Array, kernel: jax.Array
    ) -> Gradients:
        needed = {"need_dx": need_dx is not None, "need_dkernel": need_dkernel is not None}
        return form(x, dy, kernel, stride, padding, **needed)

    both = on_platform(
        x,
        dy,
        kernel,
        cpu=partial(computed_by, cpu_conv.gradients),
        default=partial(computed_by, xla_conv.gradients),
    )
    # As in `dense`, this barrier lets the kernel be read before it is updated.
    gradients: Gradients = lax.optimization_barrier(both)
    return gradients


_convolve.defvjp(_forward, _backward, symbolic_zeros=True)
