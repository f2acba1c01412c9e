"""Arguments inside `jax.shard_map` that differ between devices, beside others that do not."""

from __future__ import annotations

from typing import TypeVar

import jax
from jax import lax

Tree = TypeVar("Tree")  # arrays in any structure


def varying_alike(arrays: Tree) -> Tree:
    """Return arrays that all vary over the mesh axes over which any of them does.

    JAX does this for each of its operations, and sums the gradient of an array that was the same on
    all devices. The loops and the backward passes of this package need it done before them.
    Outside `jax.shard_map`, arrays vary over no axis and are returned as they are.
    """
    axes = frozenset[str]().union(*map(_axes, jax.tree.leaves(arrays)))

    def vary(x: jax.Array) -> jax.Array:
        missing = tuple(sorted(axes - _axes(x)))
        return lax.pcast(x, missing, to="varying") if missing else x

    alike: Tree = jax.tree.map(vary, arrays)
    return alike


def _axes(x: jax.Array) -> frozenset[str]:
    """Return the mesh axes over which an array varies."""
    axes: frozenset[str] = jax.typeof(x).manual_axis_type.varying
    return axes
