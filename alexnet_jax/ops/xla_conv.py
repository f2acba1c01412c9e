"""Convolution of one group by XLA, and its gradients."""

from __future__ import annotations

from functools import partial

import jax
from jax import lax

Gradients = tuple[jax.Array | None, jax.Array | None]  # with respect to x, to the kernel


def convolution(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int, *, beyond: int = 0
) -> jax.Array:
    """Convolve one group of `conv2d`: x [B, H, W, C] and kernel [K, L, C, M] to [B, H', W', M].

    `beyond` more rows and columns of zeros follow the padding at the bottom and right.
    """
    y: jax.Array = lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((padding, padding + beyond), (padding, padding + beyond)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y


def gradients(
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    *,
    need_dx: bool,
    need_dkernel: bool,
) -> Gradients:
    """Compute the needed gradients, with respect to x and to the kernel, from that of the output.

    A gradient that is not needed is None.
    """
    dx = input_gradient(x, dy, kernel, stride, padding) if need_dx else None
    dkernel = kernel_gradient(x, dy, kernel, stride, padding) if need_dkernel else None
    return dx, dkernel


def input_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array:
    """Compute the gradient with respect to x, of which only the shape matters."""
    convolve_x = partial(convolution, kernel=kernel, stride=stride, padding=padding)
    dx: jax.Array = jax.linear_transpose(convolve_x, x)(dy)[0]
    return dx


def kernel_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array:
    """Compute the gradient with respect to the kernel, of which only the shape matters."""
    convolve_kernel = partial(convolution, x, stride=stride, padding=padding)
    dkernel: jax.Array = jax.linear_transpose(convolve_kernel, kernel)(dy)[0]
    return dkernel
