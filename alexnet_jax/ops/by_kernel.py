"""Layers by kernels for TPUs where these fit, with the derivatives of every order."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alexnet_jax.ops.platform import may_use_kernels, on_platform
from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.varying import varying_alike

Layers = Callable[[jax.Array], jax.Array]


def by_kernel(tail: Tail, layers: Layers, x: jax.Array) -> jax.Array:
    """Compute `layers(x)`: on a TPU, where kernels may be used and fit, by those of `tail`.

    Args:
      tail: description of `layers`, for the kernels.
      layers: the same by operations of XLA, differentiable in reverse mode to any order.
      x: [..., H, W, C]
    """
    if not may_use_kernels(x) or not _fits(tail, x):
        return layers(x)
    kernel = functools.partial(pool_by_kernel, tail, layers)
    return on_platform(x, cpu=layers, default=layers, tpu=kernel)


def _fits(tail: Tail, x: jax.Array) -> bool:
    from alexnet_jax.ops import tpu  # Pallas takes a fifth of a second to import

    *lead, height, width, maps = x.shape
    images = functools.reduce(lambda a, b: a * b, lead, 1)
    # Not in an exported function, whose number of images is a symbol.
    if not isinstance(images, int) or x.dtype not in (jnp.float32, jnp.bfloat16):
        return False
    return tpu.fits(tail, (height, width, maps, images), x.dtype.itemsize)


def _images_last(x: jax.Array) -> jax.Array:
    """Return [..., H, W, C] as [H, W, C, B]: on a TPU the same bytes, if B fills the lanes."""
    return jnp.transpose(x.reshape((-1, *x.shape[-3:])), (1, 2, 3, 0))


def _images_first(x: jax.Array, lead: tuple[int, ...]) -> jax.Array:
    return jnp.transpose(x, (3, 0, 1, 2)).reshape((*lead, *x.shape[:-1]))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def pool_by_kernel(tail: Tail, layers: Layers, x: jax.Array) -> jax.Array:
    """Compute `layers(x)` by the kernel, and its gradient by another."""
    from alexnet_jax.ops import tpu

    return _images_first(tpu.pool(tail, _images_last(x)), x.shape[:-3])


def _forward(tail: Tail, layers: Layers, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return pool_by_kernel(tail, layers, x), x


def _backward(tail: Tail, layers: Layers, x: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    x, g = varying_alike((x, g))
    return (_gradient(tail, layers, x, g),)


pool_by_kernel.defvjp(_forward, _backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradient(tail: Tail, layers: Layers, x: jax.Array, g: jax.Array) -> jax.Array:
    """Compute the gradient of `layers` for a cotangent g of its result, by a kernel."""
    from alexnet_jax.ops import tpu

    dx = tpu.pool_gradient(tail, _images_last(x), _images_last(g))
    return _images_first(dx, x.shape[:-3])


def _gradient_forward(
    tail: Tail, layers: Layers, x: jax.Array, g: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _gradient(tail, layers, x, g), (x, g)


def _gradient_backward(
    tail: Tail, layers: Layers, saved: tuple[jax.Array, jax.Array], v: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Differentiate the gradient once more, without the kernel."""

    def gradient(x: jax.Array, g: jax.Array) -> jax.Array:
        dx: jax.Array = jax.vjp(layers, x)[1](g)[0]
        return dx

    second: tuple[jax.Array, jax.Array] = jax.vjp(gradient, *saved)[1](v)
    return second


_gradient.defvjp(_gradient_forward, _gradient_backward)
