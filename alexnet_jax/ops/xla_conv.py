"""Convolution by XLA, of one group or of all at once, and its gradients."""

from __future__ import annotations

import jax
from jax import lax

Gradients = tuple[jax.Array | None, jax.Array | None]  # with respect to x, to the kernel


def convolution(
    x: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    groups: int = 1,
    *,
    beyond: int = 0,
) -> jax.Array:
    """Convolve x [B, H, W, C] with a kernel [K, L, C / G, M] of G groups to [B, H', W', M].

    `beyond` more rows and columns of zeros follow the padding at the bottom and right.
    """
    y: jax.Array = lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((padding, padding + beyond), (padding, padding + beyond)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    return y


def gradients(
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    groups: int = 1,
    *,
    need_dx: bool,
    need_dkernel: bool,
) -> Gradients:
    """Compute the needed gradients, with respect to x and to the kernel, from that of the output.

    A gradient that is not needed is None.
    """
    dx = input_gradient(x, dy, kernel, stride, padding, groups) if need_dx else None
    dkernel = kernel_gradient(x, dy, kernel, stride, padding, groups) if need_dkernel else None
    return dx, dkernel


def input_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int, groups: int = 1
) -> jax.Array:
    """Compute the gradient with respect to x, of which only the shape matters."""

    def convolve_x(x: jax.Array) -> jax.Array:
        return convolution(x, kernel, stride, padding, groups)

    dx: jax.Array = jax.linear_transpose(convolve_x, x)(dy)[0]
    return dx


def kernel_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int, groups: int = 1
) -> jax.Array:
    """Compute the gradient with respect to the kernel, of which only the shape matters."""

    def convolve_kernel(kernel: jax.Array) -> jax.Array:
        return convolution(x, kernel, stride, padding, groups)

    dkernel: jax.Array = jax.linear_transpose(convolve_kernel, kernel)(dy)[0]
    return dkernel
