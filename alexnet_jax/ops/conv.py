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
from alexnet_jax.ops.platform import divided_by_compiler, on_platform
from alexnet_jax.ops.varying import varying_alike
from alexnet_jax.ops.xla_conv import Gradients

# Convolution of one group: x, kernel, stride and padding to the output; its gradients.
Convolve = Callable[[jax.Array, jax.Array, int, int], jax.Array]
Differentiate = Callable[..., Gradients]
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
    plain convolution, except on a TPU: the backward pass of XLA's grouped convolution is about ten
    times slower on a CPU, and it gathers all maps if they are sharded.

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

    Example:
      >>> images, kernel = jnp.ones((2, 11, 11, 3)), jnp.ones((5, 5, 3, 16))
      >>> ops.conv2d(images, kernel, stride=2).shape
      (2, 4, 4, 16)
    """
    return convolve_checked(_convolve, x, kernel, bias, stride=stride, padding=padding)


def convolve_checked(
    convolve: Callable[[jax.Array, jax.Array, int, int, int], jax.Array],
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None,
    *,
    stride: int,
    padding: int,
) -> jax.Array:
    """Check the arguments of `conv2d`, and compute it with `convolve`.

    Its arguments are x [B, H, W, C], the kernel, stride, padding and the number of groups.
    """
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
    y = convolve(images, kernel, stride, padding, groups)
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


def by_group(
    convolve: Convolve, x: jax.Array, kernel: jax.Array, stride: int, padding: int, groups: int
) -> jax.Array:
    """Convolve each group on its own."""
    parts = [
        convolve(*pair, stride, padding)
        for pair in zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
    ]
    return _joined(parts)


def _joined(parts: list[jax.Array]) -> jax.Array:
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, -1)


def _gradients_by_group(
    differentiate: Differentiate,
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    groups: int,
    *,
    need_dx: bool,
    need_dkernel: bool,
) -> Gradients:
    """Compute the gradients of each group on its own."""
    dxs, dkernels = [], []
    for arrays in zip(*(jnp.split(array, groups, -1) for array in (x, dy, kernel)), strict=True):
        # Without this barrier XLA would transform x for the kernel's gradient early and keep the
        # result in memory.
        arrays = lax.optimization_barrier(arrays)
        both = differentiate(*arrays, stride, padding, need_dx=need_dx, need_dkernel=need_dkernel)
        # As in `dense`, this barrier lets the kernel be read before it is updated.
        dx, dkernel = lax.optimization_barrier(both)
        dxs.append(dx)
        dkernels.append(dkernel)
    return (
        _joined(dxs) if need_dx else None,
        _joined(dkernels) if need_dkernel else None,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _convolve(x: jax.Array, kernel: jax.Array, stride: int, padding: int, groups: int) -> jax.Array:
    """Convolve all groups, in the form that is fastest on the platform.

    On a TPU this is XLA's grouped convolution. Million cycles that its compiler estimates for a
    v5e, of a layer alone and both its gradients, in bfloat16 for 1,024 images and in float32 for
    128. A training step of 1,024 images gains less, 77.3 for 80.0: the bias is then added in a pass
    of its own.

                           conv2          conv4          conv5
        each group       16.8 / 2.5      9.7 / 1.1      6.5 / 0.7
        all at once      12.2 / 2.2      7.3 / 0.9      4.4 / 0.5
    """

    def convolve(form: Convolve, x: jax.Array, kernel: jax.Array) -> jax.Array:
        return by_group(form, x, kernel, stride, padding, groups)

    def on_cpu(x: jax.Array, kernel: jax.Array) -> jax.Array:
        y = cpu_conv.convolution_at_once(x, kernel, stride, padding)
        return convolve(cpu_conv.convolution, x, kernel) if y is None else y

    at_once = partial(xla_conv.convolution, stride=stride, padding=padding, groups=groups)
    return on_platform(
        x,
        kernel,
        cpu=on_cpu,
        default=partial(convolve, xla_conv.convolution),
        tpu=None if divided_by_compiler((x, kernel)) else at_once,
    )


def _forward(
    x: CustomVJPPrimal, kernel: CustomVJPPrimal, stride: int, padding: int, groups: int
) -> tuple[jax.Array, Saved]:
    # The needed gradients are noted in the structure of the tuple: booleans would be traced.
    needed = (() if x.perturbed else None, () if kernel.perturbed else None)
    y = _convolve(x.value, kernel.value, stride, padding, groups)
    return y, (x.value, kernel.value, needed)


def _backward(stride: int, padding: int, groups: int, saved: Saved, dy: jax.Array) -> Gradients:
    x, kernel, (need_dx, need_dkernel) = saved
    needed = {"need_dx": need_dx is not None, "need_dkernel": need_dkernel is not None}

    def by_group(form: Differentiate, x: jax.Array, dy: jax.Array, kernel: jax.Array) -> Gradients:
        return _gradients_by_group(form, x, dy, kernel, stride, padding, groups, **needed)

    def on_cpu(x: jax.Array, dy: jax.Array, kernel: jax.Array) -> Gradients:
        both = cpu_conv.gradients_at_once(x, dy, kernel, stride, padding, **needed)
        return by_group(cpu_conv.gradients, x, dy, kernel) if both is None else both

    def at_once(x: jax.Array, dy: jax.Array, kernel: jax.Array) -> Gradients:
        # Without barriers: a TPU's layout of x then serves both directions, and the layers before
        # and behind are computed with the convolution.
        return xla_conv.gradients(x, dy, kernel, stride, padding, groups, **needed)

    return on_platform(
        x,
        dy,
        kernel,
        cpu=on_cpu,
        default=partial(by_group, xla_conv.gradients),
        tpu=None if divided_by_compiler((x, dy, kernel)) else at_once,
    )


_convolve.defvjp(_forward, _backward, symbolic_zeros=True)
