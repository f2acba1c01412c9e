"""Choice between the two forms of a layer: one for a CPU, one for every other platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
from jax import lax

Result = TypeVar("Result")


def on_platform(
    *arrays: object, cpu: Callable[..., Result], default: Callable[..., Result]
) -> Result:
    """Call `cpu` on a CPU and `default` on any other platform.

    On a CPU `default` is also called where the compiler divides arrays over several devices. Many
    CPU forms are loops over a few images: for them XLA would gather the images of all devices on
    every device, whereas it divides operations on a whole batch.

    Args:
      arrays: arguments of both forms, arrays in any structure.
      cpu, default: functions with the same result up to rounding.
    """
    if divided_by_compiler(arrays):
        return default(*arrays)
    result: Result = lax.platform_dependent(*arrays, cpu=cpu, default=default)
    return result


def divided_by_compiler(arrays: object) -> bool:
    """Whether the compiler may divide arrays over the devices of a mesh.

    It may where arrays, or the program around them (`jax.set_mesh`), have a mesh with automatic or
    explicit axes. Inside `jax.shard_map` the axes are manual, and each device has its own arrays.
    """
    meshes = [jax.sharding.get_abstract_mesh()]
    meshes += [jax.typeof(array).sharding.mesh for array in jax.tree.leaves(arrays)]
    return any(
        size > 1 and kind != jax.sharding.AxisType.Manual
        for mesh in meshes
        for size, kind in zip(mesh.axis_sizes, mesh.axis_types, strict=True)
    )
