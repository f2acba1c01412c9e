"""Layers by kernels for TPUs where these fit, with the derivatives of every order."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from alexnet_jax.ops.platform import may_use_kernels, on_platform
from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.varying import varying_alike

Layers = Callable[[jax.Array, jax.Array], jax.Array]
Pair = tuple[jax.Array, jax.Array]


def by_kernel(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Compute `layers(x, bias)`: on a TPU, where kernels may be used and fit, by those of `tail`.

    Args:
      tail: description of `layers`, for the kernels.
      layers: the same by operations of XLA, differentiable in reverse mode to any order.
      x: [..., H, W, C]
      bias: [C] in x's dtype, which the kernels add to x.
    """
    x, bias = varying_alike((x, bias))
    if not takes_kernel(tail, x, bias):
        return layers(x, bias)
    kernel = functools.partial(pool_by_kernel, tail, layers)
    return on_platform(x, bias, cpu=layers, default=layers, tpu=kernel)


def takes_kernel(tail: Tail, x: jax.Array, bias: jax.Array) -> bool:
    """Whether `by_kernel` computes a tail by kernels, if the platform is a TPU."""
    return may_use_kernels(x, bias) and _fits(tail, x)


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
def pool_by_kernel(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Compute `layers(x, bias)` by the kernel, and its gradients by another."""
    from alexnet_jax.ops import tpu

    return _images_first(tpu.pool(tail, _images_last(x), bias), x.shape[:-3])


def _forward(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array) -> tuple[jax.Array, Pair]:
    return pool_by_kernel(tail, layers, x, bias), (x, bias)


def _backward(tail: Tail, layers: Layers, saved: Pair, g: jax.Array) -> Pair:
    return _gradients(tail, layers, *varying_alike((*saved, g)))


pool_by_kernel.defvjp(_forward, _backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradients(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array, g: jax.Array) -> Pair:
    """Compute the gradients of `layers` for a cotangent g of its result, by a kernel."""
    from alexnet_jax.ops import tpu

    dx, dbias = tpu.pool_gradient(tail, _images_last(x), bias, _images_last(g))
    return _images_first(dx, x.shape[:-3]), dbias


def _gradients_forward(
    tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array, g: jax.Array
) -> tuple[Pair, tuple[jax.Array, jax.Array, jax.Array]]:
    return _gradients(tail, layers, x, bias, g), (x, bias, g)


def _gradients_backward(
    tail: Tail, layers: Layers, saved: tuple[jax.Array, jax.Array, jax.Array], v: Pair
) -> tuple[jax.Array, jax.Array, jax.Array]:
    return second_derivative(layers, saved, v)


def second_derivative(
    layers: Layers, saved: tuple[jax.Array, jax.Array, jax.Array], v: Pair
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Differentiate the gradients of `layers` once more, without a kernel.

    Args:
      saved: x, bias and g, of which the gradients of x and the bias are functions.
      v: cotangents of these gradients.
    """

    def gradients(x: jax.Array, bias: jax.Array, g: jax.Array) -> Pair:
        both: Pair = jax.vjp(layers, x, bias)[1](g)
        return both

    second: tuple[jax.Array, jax.Array, jax.Array] = jax.vjp(gradients, *saved)[1](v)
    return second


_gradients.defvjp(_gradients_forward, _gradients_backward)
