"""Functions of a batch on a mesh with explicit axes, which `jax.make_mesh` makes by default.

With explicit axes the type of an array says how it is sharded, and an operation whose result could
be sharded in several ways is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import jax
from jax import lax
from jax.sharding import AbstractMesh, NamedSharding, auto_axes, reshard

# Arrays in any structure.
Params = TypeVar("Params")
Inputs = TypeVar("Inputs")
Tree = TypeVar("Tree")
Result = TypeVar("Result")
P = jax.P


def on_explicit_axes(
    function: Callable[[Params, Inputs], Result], params: Params, inputs: Inputs
) -> Result:
    """Compute `function(params, inputs)`, where arrays may be sharded over explicit mesh axes.

    If only images are divided, each device computes its own with whole parameters. Otherwise the
    compiler divides the work, as it does on a mesh with automatic axes.

    Args:
      function: (params, inputs) to arrays [B, ...], a function of each image alone.
      params: arrays, in any structure. Those that are sharded over the images' axes are gathered.
      inputs: arrays [B, ...], in any structure. The results, and all inputs, get the first one's
        sharding of the axis B.
    """
    arrays = jax.tree.leaves((inputs, params))
    mesh = _explicit_mesh(arrays)
    if mesh is None:
        return function(params, inputs)
    batch = _names(_spec(arrays[0])[:1])
    used = {name for array in arrays for name in _names(_spec(array))}
    if used == set(batch) and not mesh.auto_axes:
        return _on_own_images(function, mesh, batch, params, inputs)
    by_compiler: Callable[[Params, Inputs], Result] = auto_axes(
        function, axes=mesh.explicit_axes, out_sharding=NamedSharding(mesh, P(batch))
    )
    return by_compiler(params, inputs)


def _on_own_images(
    function: Callable[[Params, Inputs], Result],
    mesh: AbstractMesh,
    batch: tuple[str, ...],
    params: Params,
    inputs: Inputs,
) -> Result:
    """Compute `function` on each device for its images, which the mesh axes `batch` divide."""

    def function_of_share(params: Params, inputs: Inputs) -> Result:
        # The gradient of a parameter is then summed over the devices once, not after each use.
        varying: Params = lax.pcast(params, batch, to="varying") if batch else params
        return function(varying, inputs)

    mapped = jax.shard_map(
        function_of_share, mesh=mesh, in_specs=(P(), P(batch)), out_specs=P(batch)
    )
    return mapped(_sharded(params, mesh, P()), _sharded(inputs, mesh, P(batch)))


def _sharded(tree: Tree, mesh: AbstractMesh, spec: P) -> Tree:
    """Return a tree's arrays with a sharding; values move between devices where it is a new one."""
    arrays: Tree = jax.tree.map(lambda x: reshard(x, NamedSharding(mesh, spec)), tree)
    return arrays


def _explicit_mesh(arrays: list[jax.Array]) -> AbstractMesh | None:
    """Return the mesh with explicit axes of the first array that has one, if any."""
    meshes = (jax.typeof(array).sharding.mesh for array in arrays)
    return next((mesh for mesh in meshes if mesh.explicit_axes), None)


def _spec(x: jax.Array) -> tuple[object, ...]:
    return tuple(jax.typeof(x).sharding.spec)


def _names(entries: Iterable[object]) -> tuple[str, ...]:
    """Return the mesh axes in entries of a partition spec: a name, several names or None each."""
    names: list[str] = []
    for entry in entries:
        if isinstance(entry, str):
            names.append(entry)
        elif isinstance(entry, tuple):
            names += entry
    return tuple(names)
