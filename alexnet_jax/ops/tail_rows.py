"""Rectification, normalization and pooling on a TPU without kernels, with a gradient by rows."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint

from alexnet_jax.ops import lrn_forms, pool_forms
from alexnet_jax.ops.by_kernel import Layers, Pair, second_derivative
from alexnet_jax.ops.platform import on_platform
from alexnet_jax.ops.row_gradient import LANES, gradient_by_rows, scale_of, sum_by_product, unit
from alexnet_jax.ops.tail_constants import Tail
from alexnet_jax.ops.varying import varying_alike

Saved = tuple[jax.Array, jax.Array, jax.Array]


def suits(tail: Tail, x: jax.Array) -> bool:
    """Whether a tail has a gradient by rows: with a normalization, of images that fill registers.

    With other numbers of images XLA lays out arrays in other ways.
    """
    images = x.shape[0]
    if tail.norm is None or x.ndim != 4 or not isinstance(images, int):
        return False
    return images > 0 and images % LANES == 0 and min(x.shape[1:3]) >= 3 and x.shape[3] > 0


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def pool_by_rows(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Compute `layers(x, bias)`, the tail of [B, H, W, C] + [C], with a gradient by rows.

    Args:
      tail: description of `layers`, with a normalization.
      layers: the same layer by layer, for the value alone and for derivatives of the gradient.
    """
    return layers(x, bias)


def _forward(tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array) -> tuple[jax.Array, Saved]:
    """Return the value, and what the gradient needs: x, the bias, and the places of the maxima.

    Places, of 16 bits for each window, are a quarter of the normalized maps.
    """
    assert tail.norm is not None
    x = _images_along_lanes(x)
    a = unit(tail, x, bias[None, None, None])
    scale = scale_of(tail.norm, a, x.dtype, "bhwc,cd->bhwd")
    b = a * lrn_forms.powers(scale, tail.norm.beta)[0]
    y, places = pool_forms.maximum_and_places(_images_along_lanes(b.astype(x.dtype)))
    return y, (x, bias, places)


def _images_along_lanes(x: jax.Array) -> jax.Array:
    """Lay [B, H, W, C] out as [H, W, C, B] on a TPU, the order of the gradient.

    Between conv2 and its normalization, whose 256 maps fill vectors, too, XLA would change to
    another one and back: 12 million cycles of a step of 1,024 images in bfloat16.
    """

    def lay_out(x: jax.Array) -> jax.Array:
        constrained: jax.Array = with_layout_constraint(x, Layout(major_to_minor=(1, 2, 3, 0)))
        return constrained

    return on_platform(x, cpu=_unchanged, default=_unchanged, tpu=lay_out)


def _unchanged(x: jax.Array) -> jax.Array:
    return x


def _backward(tail: Tail, layers: Layers, saved: Saved, g: jax.Array) -> Pair:
    return _gradients(tail, layers, *varying_alike((*saved, g)))


pool_by_rows.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradients(
    tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array, places: jax.Array, g: jax.Array
) -> Pair:
    """Compute the gradients of `layers` for a cotangent g of its result."""
    last = [jnp.transpose(array, (1, 2, 3, 0)) for array in (x, places, g)]
    dx = gradient_by_rows(tail, last[0], bias, *last[1:])
    return jnp.transpose(dx, (3, 0, 1, 2)), sum_by_product(dx).astype(bias.dtype)


def _gradients_forward(
    tail: Tail, layers: Layers, x: jax.Array, bias: jax.Array, places: jax.Array, g: jax.Array
) -> tuple[Pair, Saved]:
    return _gradients(tail, layers, x, bias, places, g), (x, bias, g)


def _gradients_backward(
    tail: Tail, layers: Layers, saved: Saved, v: Pair
) -> tuple[jax.Array, jax.Array, None, jax.Array]:
    of_x, of_bias, of_g = second_derivative(layers, saved, v)
    return of_x, of_bias, None, of_g


_gradients.defvjp(_gradients_forward, _gradients_backward)
