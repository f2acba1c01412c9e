"""The library's convolution and its gradients."""

from __future__ import annotations

from functools import partial

import jax
from jax import lax

Gradients = tuple[jax.Array | None, jax.Array | None]  # with respect to x, to the kernel


def convolution(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int, *, beyond: int = 0
) -> jax.Array:
    """One group of `conv2d`: x [B, H, W, C], kernel [K, L, C, M] to [B, H', W', M].

    `beyond` more rows and columns of zeros follow the padding at the far ends.
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
    of_x: bool,
    of_kernel: bool,
) -> Gradients:
    """Those that are asked for, with respect to x and to the kernel, given that to the output."""
    dx = input_gradient(x, dy, kernel, stride, padding) if of_x else None
    dkernel = kernel_gradient(x, dy, kernel, stride, padding) if of_kernel else None
    return dx, dkernel


def input_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array:
    """With respect to x, of which only the shape matters."""
    of_x = partial(convolution, kernel=kernel, stride=stride, padding=padding)
    dx: jax.Array = jax.linear_transpose(of_x, x)(dy)[0]
    return dx


def kernel_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array:
    """With respect to the kernel, of which only the shape matters."""
    of_kernel = partial(convolution, x, stride=stride, padding=padding)
    dkernel: jax.Array = jax.linear_transpose(of_kernel, kernel)(dy)[0]
    return dkernel
