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
# Likewise: platforms that a form being traced may be lowered for; None for all.
_POSSIBLE = jax.make_user_context(default_value=None)
_ALL, _CPU = frozenset({"cpu", "tpu", "cuda", "other"}), frozenset({"cpu"})


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
    possible: frozenset[str] = _POSSIBLE.value or _ALL
    chosen = {
        platform: form
        for platform, form in forms.items()
        if platform in possible and form not in (None, default)
    }
    if not chosen:
        return default(*arrays)
    if possible == set(chosen) and len(chosen) == 1:
        return next(iter(chosen.values()))(*arrays)
    result: Result = lax.platform_dependent(*arrays, default=default, **chosen)
    return result


def on_cpu_or_other(
    *arrays: object, cpu: Callable[..., Result], default: Callable[..., Result]
) -> Result:
    """Call `on_platform` with forms that are whole runs of layers.

    The layers in `cpu` choose no form for other platforms, nor those in `default` one for a CPU,
    so that a program is traced and lowered in half the time. Not for single layers: JAX traces
    the functions of jax.numpy anew in either form.
    """
    if divided_by_compiler(arrays):
        return default(*arrays)

    def only_for(platforms: frozenset[str], form: Callable[..., Result]) -> Callable[..., Result]:
        def traced(*arrays: object) -> Result:
            with _POSSIBLE(platforms):
                return form(*arrays)

        return traced

    return on_platform(*arrays, cpu=only_for(_CPU, cpu), default=only_for(_ALL - _CPU, default))


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
    enabled: bool | None = _KERNELS.value
    if enabled is None:
        enabled = jax.default_backend() == "tpu"
    return enabled and not divided_by_compiler(arrays)


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
