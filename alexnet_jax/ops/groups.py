"""A batch taken a few images at a time, so that what is made on the way stays in a CPU's caches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def map_groups(one: Callable[..., jax.Array], images: int, *arrays: jax.Array) -> jax.Array:
    """`one(*arrays)` for a function of each image alone, `images` of them at a time.

    Args:
      one: arrays [b, ...] to [b, ...].
      images: how many at a time; what is left over comes first. A batch whose size is not known
        yet (a symbolic one, in an export) is taken whole.
      arrays: [B, ...] each.

    Returns:
      [B, ...]
    """
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    left = count % images
    places = jnp.arange(left, count, images)
    y = lax.map(lambda at: one(*group(arrays, at, images)), places)
    y = y.reshape((-1, *y.shape[2:]))
    if not left:
        return y
    return jnp.concatenate([one(*(array[:left] for array in arrays)), y])


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


def group(arrays: tuple[jax.Array, ...], at: Any, images: int) -> Iterator[jax.Array]:
    """`images` of each array. Given to a loop as slices, all but the first would be copied."""
    return (lax.dynamic_slice_in_dim(array, at, images) for array in arrays)
