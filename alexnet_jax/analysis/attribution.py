"""Attribution: the parts of an image that the score of a class depends on."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, forward

_AT_A_TIME = 32


@jax.custom_vjp
def guided_relu(x: jax.Array) -> jax.Array:
    """Compute max(x, 0) with a gradient that passes only where both it and x are positive.

        dx = dy [x > 0] [dy > 0]

    Source: Springenberg et al., "Striving for simplicity", 2014.
    """
    return jnp.maximum(x, jnp.zeros((), x.dtype))


def _guided_forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return guided_relu(x), x


def _guided_backward(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    return (jnp.where((x > 0) & (dy > 0), dy, jnp.zeros((), dy.dtype)),)


guided_relu.defvjp(_guided_forward, _guided_backward)


@partial(jax.jit, static_argnums=(0, 4))
def class_gradients(
    architecture: Architecture,
    params: Any,
    views: jax.Array,
    classes: jax.Array,
    guided: bool = True,
) -> jax.Array:
    """Compute the gradient of each view's logit of a class with respect to the view.

    Args:
      views: [B, H, W, C] as `forward` takes them.
      classes: [B] int32, a class for each view.
      guided: whether ReLUs pass positive gradients only (`guided_relu`).

    Returns:
      [B, H, W, C] in the views' dtype.

    Raises:
      InputError: a network without a classifier.
    """
    architecture.require_classes("an attribution")
    rectify = guided_relu if guided else jax.nn.relu

    def sum_of_logits(views: jax.Array) -> jax.Array:
        logits = forward(architecture, params, views, rectify=rectify)
        return jnp.sum(jnp.take_along_axis(logits, classes[:, None], 1))

    return jax.grad(sum_of_logits)(views)


def occlusion_map(
    architecture: Architecture,
    params: Any,
    view: jax.Array,
    label: int,
    *,
    side: int,
    stride: int,
) -> np.ndarray:
    """Compute the probability of a class while a square of the view is covered, at each position.

    The covered pixels take the value of the mean image, which is 0 in a view. The centres of the
    square lie at multiples of `stride` pixels, and the square is cut off at the edges of the view.

    Args:
      view: [H, W, C] as `forward` takes them.
      label: index of the class.
      side: side of the square, in pixels.
      stride: distance between neighbouring centres, in pixels.

    Returns:
      [rows, columns] float32, a value for each centre.

    Raises:
      InputError: side or stride not in 1 to the view's side; a network without a classifier.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013.
    """
    architecture.require_classes("an attribution")
    height, width = view.shape[:2]
    for name, value in (("side", side), ("stride", stride)):
        if not 1 <= value <= min(height, width):
            raise InputError(f"{name} must lie in 1 to {min(height, width)}, got {value}")
    rows, columns = np.arange(0, height, stride), np.arange(0, width, stride)
    centres = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    probabilities = []
    for start in range(0, len(centres), _AT_A_TIME):
        # The last batch repeats the last centre, so that all batches have the same shape.
        batch = np.minimum(np.arange(start, start + _AT_A_TIME), len(centres) - 1)
        values = _covered_probabilities(architecture, params, view, centres[batch], side)
        probabilities.append(np.asarray(values)[:, label])
    return np.concatenate(probabilities)[: len(centres)].reshape(len(rows), len(columns))


@partial(jax.jit, static_argnums=(0, 4))
def _covered_probabilities(
    architecture: Architecture, params: Any, view: jax.Array, centres: jax.Array, side: int
) -> jax.Array:
    """Return [B, classes] probabilities of the view, 0 in a square around each centre [B, 2]."""

    def outside(centre: jax.Array, length: int) -> jax.Array:
        first = centre[:, None] - side // 2
        positions = jnp.arange(length, dtype=centre.dtype)[None]
        return (positions < first) | (positions >= first + side)

    keep_rows, keep_columns = (outside(centres[:, axis], view.shape[axis]) for axis in (0, 1))
    keep = keep_rows[:, :, None, None] | keep_columns[:, None, :, None]
    views = jnp.where(keep, view[None], jnp.zeros((), view.dtype))
    return ops.softmax(forward(architecture, params, views).astype(jnp.float32))
