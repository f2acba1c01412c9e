"""Inference through many layers for a few images at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
from jax import lax
from jax.custom_derivatives import CustomVJPPrimal

from alexnet_jax.ops.cpu.microbatch import IMAGES, map_groups
from alexnet_jax.ops.platform import on_cpu_or_other
from alexnet_jax.ops.varying import varying_alike

Tree = TypeVar("Tree")  # arrays in any structure
Pullback = Callable[[jax.Array], tuple[jax.Array, ...]]  # of `jax.vjp`: dy to the gradients
Needed = tuple[tuple[()] | None, ...]  # () for each leaf whose gradient is needed, else None


def streamed(
    function: Callable[[Tree, jax.Array], jax.Array],
    params: Tree,
    x: jax.Array,
    *,
    images: int = IMAGES,
) -> jax.Array:
    """Compute `function(params, x)` for a function of each image alone; on a CPU in small groups.

    The maps between its layers then stay in the CPU's caches, and those of a whole batch need no
    memory. If a gradient is needed, and on other platforms, `function` takes the whole batch.

    Args:
      function: params and [b, ...] to [b, ...].
      params: arrays, in any structure.
      x: [B, ...]
      images: greatest size of a group.

    Returns:
      [B, ...]
    """
    structure = jax.tree.structure((params, x))

    def grouped(params: Tree, x: jax.Array) -> jax.Array:
        # XLA moves operations on params alone out of the loop. The barrier keeps it from computing
        # them before x is available.
        params, x = lax.optimization_barrier((params, x))
        return map_groups(lambda x: function(params, *lax.optimization_barrier((x,))), images, x)

    # The platform is chosen inside, so that the gradient is traced once, not for each platform.
    @jax.custom_vjp
    def chosen(params: Tree, x: jax.Array) -> jax.Array:
        return on_cpu_or_other(params, x, cpu=grouped, default=function)

    def forward(params: object, x: CustomVJPPrimal) -> tuple[jax.Array, tuple[Pullback, Needed]]:
        leaves: list[CustomVJPPrimal] = jax.tree.leaves((params, x))

        def of_perturbed(*perturbed: jax.Array) -> jax.Array:
            remaining = iter(perturbed)
            values = [next(remaining) if leaf.perturbed else leaf.value for leaf in leaves]
            return function(*jax.tree.unflatten(structure, values))

        y, pullback = jax.vjp(of_perturbed, *(leaf.value for leaf in leaves if leaf.perturbed))
        # The needed gradients are noted in the structure of the tuple: booleans would be traced.
        return y, (pullback, tuple(() if leaf.perturbed else None for leaf in leaves))

    def backward(saved: tuple[Pullback, Needed], dy: jax.Array) -> tuple[Tree, jax.Array | None]:
        pullback, needed = saved
        gradients = iter(pullback(dy))
        both: tuple[Tree, jax.Array | None] = jax.tree.unflatten(
            structure, [None if leaf is None else next(gradients) for leaf in needed]
        )
        return both

    chosen.defvjp(forward, backward, symbolic_zeros=True)
    y: jax.Array = chosen(*varying_alike((params, x)))
    return y
