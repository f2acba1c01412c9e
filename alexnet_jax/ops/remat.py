"""Recomputation of cheap layers in the backward pass, instead of storing their results."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import IMAGES, map_groups, slice_images
from alexnet_jax.ops.platform import on_platform

# Barriers have an effect inside loops from jax 0.11 on. Without them XLA fuses all operations and
# repeats them many times: five times slower with jax 0.10.
_BARRIERS_IN_LOOPS = jax.__version_info__ >= (0, 11)


# Most bytes of the images at a time: four images of conv1 of `paper`, or 64 of `small`, whose first
# stage takes 1.1 ms forward as a whole and 1.4 in groups of four (two cores of an AMD EPYC). The
# backward pass takes half as many, since it holds more for each: a step of 128 images of `small`
# then needs 31 MB of temporaries instead of 38.
_BYTES = 5 << 20


def rematerialized(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Compute `function(x)` for a function of each image alone; on a CPU store only x.

    On a CPU both passes take a few images at a time, which stay in its caches. The backward pass
    recomputes `function` together with its gradient, which replaces x in memory. On other
    platforms, and with jax 0.10, `function` takes the whole batch and JAX derives its gradient.

    Args:
      function: [b, ...] to [b, ...].
      x: [B, ...]
    """

    images, images_backward = _images(x, _BYTES), _images(x, _BYTES // 2)

    @jax.custom_vjp
    def in_groups(x: jax.Array) -> jax.Array:
        if isinstance(x.shape[0], int) and x.shape[0] <= images:
            return function(x)  # together with what computes x
        return map_groups(_behind_barrier(function), images, x)

    def forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return in_groups(x), x

    def backward(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
        def gradient(x: jax.Array, dy: jax.Array) -> jax.Array:
            dx: jax.Array = jax.vjp(function, x)[1](dy)[0]
            return dx

        x, dy = lax.optimization_barrier((x, dy))
        return (_replace_groups(_behind_barrier(gradient), images_backward, x, dy),)

    in_groups.defvjp(forward, backward)
    on_cpu = in_groups if _BARRIERS_IN_LOOPS else function
    return on_platform(x, cpu=on_cpu, default=function)


def _images(x: jax.Array, most: int) -> int:
    """Return the number of images at a time: a multiple of a few, of at most `most` bytes."""
    each = max(1, math.prod(x.shape[1:]) * jnp.dtype(x.dtype).itemsize)
    return max(1, most // (each * IMAGES)) * IMAGES


def _behind_barrier(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Return `function` with a barrier, so that slicing its arguments is not fused into it."""
    return lambda *arrays: function(*lax.optimization_barrier(arrays))


def _replace_groups(
    function: Callable[..., jax.Array], images: int, x: jax.Array, *arrays: jax.Array
) -> jax.Array:
    """Compute `function(x, *arrays)`, which has x's shape, for `images` images at a time.

    Each group's result replaces its images in x, so that XLA can reuse x's memory.
    """
    count = x.shape[0]
    if not isinstance(count, int) or count <= images:
        return function(x, *arrays)
    remainder = count % images
    if remainder:
        y = function(*(array[:remainder] for array in (x, *arrays)))
        x = lax.dynamic_update_slice_in_dim(x, y, 0, 0)

    def step(x: jax.Array, start: jax.Array) -> tuple[jax.Array, None]:
        y = function(*slice_images((x, *arrays), start, images))
        return lax.dynamic_update_slice_in_dim(x, y, start, 0), None

    return lax.scan(step, x, jnp.arange(remainder, count, images))[0]
