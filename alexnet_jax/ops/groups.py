"""A batch taken a few images at a time, so that what is made on the way stays in a CPU's caches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def map_groups(one: Callable[..., jax.Array], images: int, *arrays: jax.Array) -> jax.Array:
    """`one(*arrays)` for a function of each image alone, `images` of them at a time.

    Args:
      one: arrays [b, ...] to [b, ...].
      images: how many at a time; where they do not divide a batch, the last group holds some of
        the one before it. A batch whose size is not known yet (a symbolic one, in an export) is
        taken whole.
      arrays: [B, ...] each.

    Returns:
      [B, ...]
    """
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    arrays = lax.optimization_barrier(arrays)

    def step(y: jax.Array, at: jax.Array) -> tuple[jax.Array, None]:
        return lax.dynamic_update_slice_in_dim(y, one(*group(arrays, at, images)), at, 0), None

    places = np.minimum(np.arange(0, count, images), count - images)
    return lax.scan(step, _unwritten(one, images, arrays), jnp.asarray(places))[0]


def sum_groups(one: Callable[..., jax.Array], images: int, *arrays: jax.Array) -> jax.Array:
    """`one(*arrays)` for a function that sums over images, `images` of them at a time.

    Args:
      one: arrays [b, ...] to a sum over b, of any shape.
      images, arrays: as for `map_groups`.

    Returns:
      What `one` returns.
    """
    return map_and_sum_groups(lambda *part: (None, one(*part)), images, *arrays)[1]


def map_and_sum_groups(
    one: Callable[..., tuple[Any, jax.Array]], images: int, *arrays: jax.Array
) -> tuple[Any, jax.Array]:
    """`one(*arrays)` for a function that has both: an array [b, ...] or None, and a sum over b."""
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    left = count % images or images
    # Begun with a group rather than with zeros, which a mesh would take for the same everywhere.
    first, total = one(*(array[:left] for array in arrays))

    def add(total: jax.Array, at: jax.Array) -> tuple[jax.Array, Any]:
        y, part = one(*group(arrays, at, images))
        return total + part, y

    total, others = lax.scan(add, total, jnp.arange(left, count, images))
    if first is None:
        return None, total
    return jnp.concatenate([first, others.reshape((-1, *others.shape[2:]))]), total


def group(arrays: tuple[jax.Array, ...], at: jax.Array, images: int) -> Iterator[jax.Array]:
    """`images` of each array. Given to a loop as slices, all but the first would be copied."""
    at = _by_product(at)
    return (lax.dynamic_slice_in_dim(array, at, images) for array in arrays)


def _unwritten(
    one: Callable[..., jax.Array], images: int, arrays: tuple[jax.Array, ...]
) -> jax.Array:
    """Memory for what a loop makes: one value of an argument everywhere, so that it is not there
    before the argument, as zeros are, and differs over a mesh where that does."""
    some = (jax.ShapeDtypeStruct((images, *array.shape[1:]), array.dtype) for array in arrays)
    made = jax.eval_shape(one, *some)
    value = arrays[0][(0,) * arrays[0].ndim].astype(made.dtype)
    return jnp.broadcast_to(value, (arrays[0].shape[0], *made.shape[1:]))


def _by_product(at: jax.Array) -> jax.Array:
    """`at`, out of a product. XLA gives a loop without one, of some size, a single thread."""
    square = at.astype(jnp.float32) * jnp.eye(8, dtype=jnp.float32)
    at = (square @ jnp.ones((8, 8), jnp.float32))[0, 0].astype(at.dtype)
    return lax.optimization_barrier(at)
