"""A batch taken a few images at a time, so that what is made on the way stays in a CPU's caches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Of a loop through many layers (`streamed`), and of what is made again (`rematerialized`). On two
# CPU cores a training step of 32 images takes as long with 2, and longer with 8; inference takes as
# long with 8, in 52 MB of temporaries for 29.
IMAGES = 4

Both = tuple[jax.Array | None, jax.Array]  # an array of all images or None, and a sum over them


def map_groups(one: Callable[..., jax.Array], images: int, *arrays: jax.Array) -> jax.Array:
    """`one(*arrays)` for a function of each image alone, `images` of them at a time.

    Args:
      one: arrays [b, ...] to [b, ...].
      images: how many at a time, or a few less; where they do not divide a batch, the last group
        holds some of the one before it. A batch whose size is not known yet (a symbolic one, in an
        export) is taken whole.
      arrays: [B, ...] each.

    Returns:
      [B, ...]
    """
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    images = -(-count // -(-count // images))  # 5 by fours are 3 and 3
    arrays = lax.optimization_barrier(arrays)

    def step(y: jax.Array, at: jax.Array) -> tuple[jax.Array, None]:
        return lax.dynamic_update_slice_in_dim(y, one(*group(arrays, at, images)), at, 0), None

    places = np.minimum(np.arange(0, count, images), count - images)
    made: jax.ShapeDtypeStruct = jax.eval_shape(one, *_parts(arrays, images))
    y = _unwritten(made, arrays[0])
    return lax.scan(step, y, jnp.asarray(places))[0]


def sum_groups(one: Callable[..., jax.Array], images: int, *arrays: jax.Array) -> jax.Array:
    """`one(*arrays)` for a function that sums over images, `images` of them at a time.

    Args:
      one: arrays [b, ...] to a sum over b, of any shape.
      images, arrays: as for `map_groups`.

    Returns:
      What `one` returns.
    """
    return map_and_sum_groups(lambda *part: (None, one(*part)), images, *arrays)[1]


@overload
def map_and_sum_groups(
    one: Callable[..., tuple[jax.Array, jax.Array]], images: int, *arrays: jax.Array
) -> tuple[jax.Array, jax.Array]: ...
@overload
def map_and_sum_groups(
    one: Callable[..., tuple[None, jax.Array]], images: int, *arrays: jax.Array
) -> tuple[None, jax.Array]: ...
def map_and_sum_groups(one: Callable[..., Both], images: int, *arrays: jax.Array) -> Both:
    """`one(*arrays)` for a function that has both: an array [b, ...] or None, and a sum over b."""
    count = arrays[0].shape[0]
    if not isinstance(count, int) or count <= images:
        return one(*arrays)
    arrays = lax.optimization_barrier(arrays)
    shapes: tuple[jax.ShapeDtypeStruct | None, jax.ShapeDtypeStruct]
    shapes = jax.eval_shape(one, *_parts(arrays, images))
    mapped, summed = shapes
    y = None if mapped is None else _unwritten(mapped, arrays[0])
    total = _nothing(summed, arrays[0])

    def add(sofar: Both, at: jax.Array | int, *arrays: jax.Array) -> Both:
        y, total = sofar
        made, part = one(*arrays)
        if y is not None and made is not None:
            y = lax.dynamic_update_slice_in_dim(y, made, at, 0)
        return y, total + part

    def step(sofar: Both, at: jax.Array) -> tuple[Both, None]:
        return add(sofar, at, *group(arrays, at, images)), None

    sofar = (y, total)
    if left := count % images:
        sofar = add(sofar, 0, *(array[:left] for array in arrays))
    return lax.scan(step, sofar, jnp.arange(left, count, images))[0]


def group(arrays: tuple[jax.Array, ...], at: jax.Array, images: int) -> Iterator[jax.Array]:
    """`images` of each array. Given to a loop as slices, all but the first would be copied."""
    at = _by_product(at)
    return (lax.dynamic_slice_in_dim(array, at, images) for array in arrays)


def _parts(arrays: tuple[jax.Array, ...], images: int) -> Iterator[jax.ShapeDtypeStruct]:
    """Shapes and dtypes of so many images of each array."""
    return (jax.ShapeDtypeStruct((images, *array.shape[1:]), array.dtype) for array in arrays)


def _unwritten(made: jax.ShapeDtypeStruct, images: jax.Array) -> jax.Array:
    """Memory for what a loop makes of all images: one value of theirs everywhere, so that it is
    not there before they are, as zeros are, and differs over a mesh where they do."""
    value = images[(0,) * images.ndim].astype(made.dtype)
    return jnp.broadcast_to(value, (images.shape[0], *made.shape[1:]))


def _nothing(summed: jax.ShapeDtypeStruct, images: jax.Array) -> jax.Array:
    """Zeros for a loop that sums over images, with what is said of `_unwritten`."""
    value = images[(0,) * images.ndim]
    zero = jnp.where(value == value, 0, 0).astype(summed.dtype)
    zeros: jax.Array = jnp.broadcast_to(zero, summed.shape)
    zeros, _ = lax.optimization_barrier((zeros, images))
    return zeros


def _by_product(at: jax.Array) -> jax.Array:
    """`at`, out of a product. XLA gives a loop without one, of some size, a single thread."""
    square = at.astype(jnp.float32) * jnp.eye(8, dtype=jnp.float32)
    at = (square @ jnp.ones((8, 8), jnp.float32))[0, 0].astype(at.dtype)
    apart: jax.Array = lax.optimization_barrier(at)
    return apart
