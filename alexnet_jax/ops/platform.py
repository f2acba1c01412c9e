"""Choice between the forms of a layer: for a CPU, for a TPU, for CUDA, for any platform."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import jax
from jax import lax

Result = TypeVar("Result")

# Part of the key under which JAX keeps traced functions. None: as `kernels` says of the default.
_KERNELS = jax.make_user_context(default_value=None)


def on_platform(
    *arrays: object,
    cpu: Callable[..., Result],
    default: Callable[..., Result],
    tpu: Callable[..., Result] | None = None,
    cuda: Callable[..., Result] | None = None,
) -> Result:
    """Call the form for the platform that the program is lowered for.

    On a CPU `default` is also called where the compiler divides arrays over several devices. Many
    CPU forms are loops over a few images: for them XLA would gather the images of all devices on
    every device, whereas it divides operations on a whole batch.

    Args:
      arrays: arguments of all forms, arrays in any structure.
      cpu, tpu, cuda: functions with the same result as `default` up to rounding. The last two may
        hold kernels of their own only where `may_use_kernels`.
      default: function for all other platforms, and for those whose own function is None.
    """
    forms = {"cpu": cpu, "tpu": tpu, "cuda": cuda}
    if divided_by_compiler(arrays):
        del forms["cpu"]
    chosen = {platform: form for platform, form in forms.items() if form not in (None, default)}
    if not chosen:
        return default(*arrays)
    result: Result = lax.platform_dependent(*arrays, default=default, **chosen)
    return result


@contextlib.contextmanager
def kernels(enabled: bool) -> Iterator[None]:
    """Trace programs with hand-written kernels for TPUs, or with operations of XLA alone.

    By default kernels are used where the default backend of JAX is a TPU. The context is for other
    cases: `kernels(True)` for a program that a CPU lowers for a TPU, `kernels(False)` to compare.
    It changes no value but by rounding. It acts when a function is traced, and JAX traces a jitted
    function again when it has changed. Kernels are not used on arrays that the compiler divides
    over devices, nor for platforms other than TPUs.

        with ops.kernels(False):
            step.lower(*arguments)
    """
    with _KERNELS(enabled):
        yield


def may_use_kernels(*arrays: object) -> bool:
    """Whether a form for TPUs may call kernels on these arrays: see `kernels`."""
    return may_use_rows(*arrays) and _KERNELS.value is not False


def may_use_rows(*arrays: object) -> bool:
    """Whether a form for TPUs may be a loop over the rows of these arrays' maps.

    It may where the default backend is a TPU, and inside `kernels`, which says that a program may
    be lowered for one; elsewhere programs are traced without such a form. Where the compiler
    divides arrays, it has whole arrays to divide.
    """
    for_tpu = _KERNELS.value is not None or jax.default_backend() == "tpu"
    return for_tpu and not divided_by_compiler(arrays)


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
