"""A batch taken a few images at a time, so that what is made on the way stays in a CPU's caches."""

from __future__ import annotations

from collections.abc import Callable

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
    y = lax.map(lambda group: one(*group), _grouped(arrays, left, images))
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
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    left = count % images or images
    # Begun with a group rather than with zeros, which a mesh would take for the same everywhere.
    total = one(*(array[:left] for array in arrays))
    groups = _grouped(arrays, left, images)
    total, _ = lax.scan(lambda total, group: (total + one(*group), None), total, groups)
    return total


def _grouped(arrays: tuple[jax.Array, ...], left: int, images: int) -> tuple[jax.Array, ...]:
    return tuple(array[left:].reshape((-1, images, *array.shape[1:])) for array in arrays)
