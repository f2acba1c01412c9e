"""What in an image the score of a class depends on."""

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
    """max(x, 0), whose gradient passes only where it and x are positive.

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
    """Gradient of each view's logit of a class with respect to the view.

    Args:
      views: [B, H, W, C] as `forward` takes them.
      classes: [B] int32.
      guided: whether rectifiers pass positive gradients only (`guided_relu`).

    Returns:
      [B, H, W, C] in the views' dtype.
    """
    rectify = guided_relu if guided else jax.nn.relu

    def chosen(views: jax.Array) -> jax.Array:
        logits = forward(architecture, params, views, rectify=rectify)
        return jnp.sum(jnp.take_along_axis(logits, classes[:, None], 1))

    return jax.grad(chosen)(views)


def occlusion_map(
    architecture: Architecture,
    params: Any,
    view: jax.Array,
    label: int,
    *,
    side: int,
    stride: int,
) -> np.ndarray:
    """Probability of a class with a square of the view covered, for every place of the square.

    The square is the mean image, which is 0 in a view; its centres lie `stride` pixels apart, from
    edge to edge, and it is cut off at the edges.

    Args:
      view: [H, W, C] as `forward` takes them.
      label: the class.
      side, stride: of the squares, in pixels.

    Returns:
      [rows, columns] float32, centres at multiples of `stride`.

    Raises:
      InputError: side or stride not in 1 to the view's side.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013.
    """
    height, width = view.shape[:2]
    for name, value in (("side", side), ("stride", stride)):
        if not 1 <= value <= min(height, width):
            raise InputError(f"{name} must lie in 1 to {min(height, width)}, got {value}")
    rows, columns = np.arange(0, height, stride), np.arange(0, width, stride)
    centres = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    found = []
    for start in range(0, len(centres), _AT_A_TIME):
        chosen = np.minimum(np.arange(start, start + _AT_A_TIME), len(centres) - 1)
        values = _covered(architecture, params, view, centres[chosen], side)
        found.append(np.asarray(values)[:, label])
    return np.concatenate(found)[: len(centres)].reshape(len(rows), len(columns))


@partial(jax.jit, static_argnums=(0, 4))
def _covered(
    architecture: Architecture, params: Any, view: jax.Array, centres: jax.Array, side: int
) -> jax.Array:
    """[B, classes] probabilities of the view with a square around each of [B, 2] centres zero."""

    def uncovered(centre: jax.Array, length: int) -> jax.Array:
        first = centre[:, None] - side // 2
        places = jnp.arange(length, dtype=centre.dtype)[None]
        return (places < first) | (places >= first + side)

    keep_rows, keep_columns = (uncovered(centres[:, axis], view.shape[axis]) for axis in (0, 1))
    keep = keep_rows[:, :, None, None] | keep_columns[:, None, :, None]
    views = jnp.where(keep, view[None], jnp.zeros((), view.dtype))
    return ops.softmax(forward(architecture, params, views).astype(jnp.float32))
