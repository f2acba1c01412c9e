"""Many layers for a few images at a time, where no gradient is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal

from alexnet_jax.ops.cpu.microbatch import IMAGES, map_groups

Tree = TypeVar("Tree")  # arrays in any structure
Pull = Callable[[jax.Array], tuple[jax.Array, ...]]  # what `jax.vjp` returns beside the value
Asked = tuple[tuple[()] | None, ...]  # () for each leaf whose gradient is asked for


def streamed(one: Callable[[Tree, jax.Array], jax.Array], params: Tree, x: jax.Array) -> jax.Array:
    """`one(params, x)` for a function of each image alone; on a CPU a few images at a time.

    So all that lies between its layers stays in a CPU's caches, and takes no memory of a whole
    batch. Where a gradient is asked for, and elsewhere, `one` is taken whole.

    Args:
      one: params and [b, ...] to [b, ...].
      params: arrays, in any structure.
      x: [B, ...]

    Returns:
      [B, ...]
    """
    structure = jax.tree.structure((params, x))

    def grouped(params: Tree, x: jax.Array) -> jax.Array:
        # What `one` makes of params alone XLA makes before the loop, but not before there is x.
        params, x = lax.optimization_barrier((params, x))
        return map_groups(lambda x: one(params, *lax.optimization_barrier((x,))), IMAGES, x)

    # The choice is inside, so that a gradient's program is traced once and not for each platform.
    @jax.custom_vjp
    def through(params: Tree, x: jax.Array) -> jax.Array:
        y: jax.Array = lax.platform_dependent(params, x, cpu=grouped, default=one)
        return y

    def forward(params: object, x: CustomVJPPrimal) -> tuple[jax.Array, tuple[Pull, Asked]]:
        leaves: list[CustomVJPPrimal] = jax.tree.leaves((params, x))

        def of_asked(*asked: jax.Array) -> jax.Array:
            given = iter(asked)
            values = [next(given) if leaf.perturbed else leaf.value for leaf in leaves]
            return one(*jax.tree.unflatten(structure, values))

        y, pull = jax.vjp(of_asked, *(leaf.value for leaf in leaves if leaf.perturbed))
        # Which gradients there are, as structure: a value would be traced.
        return y, (pull, tuple(() if leaf.perturbed else None for leaf in leaves))

    def backward(saved: tuple[Pull, Asked], dy: jax.Array) -> tuple[Tree, jax.Array | None]:
        pull, asked = saved
        gradients = iter(pull(dy))
        both: tuple[Tree, jax.Array | None] = jax.tree.unflatten(
            structure, [None if each is None else next(gradients) for each in asked]
        )
        return both

    through.defvjp(forward, backward, symbolic_zeros=True)
    y: jax.Array = through(params, x)
    return y
