"""Rectification, normalization and pooling on a TPU without kernels, with a gradient by rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from alexnet_jax.ops import lrn_forms, pool_forms
from alexnet_jax.ops.row_gradient import LANES, gradient_by_rows, scale_of, unit
from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.varying import varying_alike

Layers = Callable[[jax.Array], jax.Array]


def suits(tail: Tail, x: jax.Array) -> bool:
    """Whether a tail has a gradient by rows: with a normalization, of images that fill registers.

    With other numbers of images XLA lays out arrays in other ways.
    """
    images = x.shape[0]
    if tail.norm is None or x.ndim != 4 or not isinstance(images, int):
        return False
    return images > 0 and images % LANES == 0 and min(x.shape[1:3]) >= 3 and x.shape[3] > 0


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def pool_by_rows(tail: Tail, layers: Layers, x: jax.Array) -> jax.Array:
    """Compute `layers(x)`, the tail of [B, H, W, C], with a gradient by rows.

    Args:
      tail: description of `layers`, with a normalization.
      layers: the same layer by layer, for the value alone and for derivatives of the gradient.
    """
    return layers(x)


def _forward(
    tail: Tail, layers: Layers, x: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Return the value, and what the gradient needs: x, and the maxima's places in their windows.

    Places, of 16 bits for each window, are a quarter of the normalized maps.
    """
    assert tail.norm is not None
    a = unit(tail, x)
    scale = scale_of(tail.norm, x, a, "bhwc,cd->bhwd")
    b = a * lrn_forms.powers(scale, tail.norm.beta)[0]
    y, places = pool_forms.maximum_and_places(b.astype(x.dtype))
    return y, (x, places)


def _backward(
    tail: Tail, layers: Layers, saved: tuple[jax.Array, jax.Array], g: jax.Array
) -> tuple[jax.Array]:
    return (_gradient(tail, layers, *varying_alike((*saved, g))),)


pool_by_rows.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradient(
    tail: Tail, layers: Layers, x: jax.Array, places: jax.Array, g: jax.Array
) -> jax.Array:
    """Compute the gradient of `layers` for a cotangent g of its result."""
    last = (jnp.transpose(array, (1, 2, 3, 0)) for array in (x, places, g))
    return jnp.transpose(gradient_by_rows(tail, *last), (3, 0, 1, 2))


def _gradient_forward(
    tail: Tail, layers: Layers, x: jax.Array, places: jax.Array, g: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _gradient(tail, layers, x, places, g), (x, g)


def _gradient_backward(
    tail: Tail, layers: Layers, saved: tuple[jax.Array, jax.Array], v: jax.Array
) -> tuple[jax.Array, None, jax.Array]:
    """Differentiate the gradient once more, layer by layer."""

    def gradient(x: jax.Array, g: jax.Array) -> jax.Array:
        dx: jax.Array = jax.vjp(layers, x)[1](g)[0]
        return dx

    of_x, of_g = jax.vjp(gradient, *saved)[1](v)
    return of_x, None, of_g


_gradient.defvjp(_gradient_forward, _gradient_backward)
