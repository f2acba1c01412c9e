"""What costs little to make again, made again for the gradient instead of kept."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops.cpu.microbatch import IMAGES, group, map_groups

# Without them all is fused, and made many times over: five times slower with jax 0.10.
_BARRIERS_IN_LOOPS = jax.__version_info__ >= (0, 11)


def rematerialized(one: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """`one(x)` for a function of each image alone; on a CPU, only x is kept for its gradient.

    Both are made there a few images at a time, in a CPU's caches: `one`, and in x's memory `one`
    again with its gradient. Elsewhere `one` is taken whole, and the gradient is its own.

    Args:
      one: [b, ...] to [b, ...].
      x: [B, ...]
    """

    @jax.custom_vjp
    def kept(x: jax.Array) -> jax.Array:
        return map_groups(_apart(one), IMAGES, x)

    def forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return kept(x), x

    def backward(x: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
        def gradient(x: jax.Array, dy: jax.Array) -> jax.Array:
            dx: jax.Array = jax.vjp(one, x)[1](dy)[0]
            return dx

        return (_replace_groups(_apart(gradient), IMAGES, *lax.optimization_barrier((x, dy))),)

    kept.defvjp(forward, backward)
    y: jax.Array = lax.platform_dependent(x, cpu=kept if _BARRIERS_IN_LOOPS else one, default=one)
    return y


def _apart(one: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """`one`, of arrays that are there: taking a group is not fused into all that reads it."""
    return lambda *arrays: one(*lax.optimization_barrier(arrays))


def _replace_groups(
    one: Callable[..., jax.Array], images: int, x: jax.Array, *arrays: jax.Array
) -> jax.Array:
    """As `map_groups` of x and arrays for what has x's shape, in x's memory where that is free."""
    count = x.shape[0]
    if not isinstance(count, int) or count <= images:
        return one(x, *arrays)
    left = count % images
    if left:
        made = one(*(array[:left] for array in (x, *arrays)))
        x = lax.dynamic_update_slice_in_dim(x, made, 0, 0)

    def step(x: jax.Array, at: jax.Array) -> tuple[jax.Array, None]:
        made = one(*group((x, *arrays), at, images))
        return lax.dynamic_update_slice_in_dim(x, made, at, 0), None

    return lax.scan(step, x, jnp.arange(left, count, images))[0]
