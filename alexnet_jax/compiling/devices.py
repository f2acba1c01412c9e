"""Devices of a machine that is not there, for which XLA compiles."""

from __future__ import annotations

import importlib
import math
import os
from typing import Any

from alexnet_jax.compiling.gpus import describe
from alexnet_jax.compiling.targets import Target
from alexnet_jax.errors import InputError

# Without a TPU, libtpu asks the network and waits, warns of what it cannot know, and stops at the
# lock of another process.
_LIBTPU = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}


def target_devices(target: Target, count: int | None = None) -> list[Any]:
    """Return the first `count` devices of a target, by default all of its slice, or one GPU.

    They hold no arrays and run nothing: programs are lowered and compiled for them. The process's
    own devices become those of the CPU if it has used none yet, since a TPU's library cannot serve
    both its TPU and another.

    Raises:
      ModuleNotFoundError: the package of the platform, of the extra `tpu` or `cuda`.
      InputError: a slice that libtpu does not know; more devices than it has; TPUs that are no box.
    """
    import jax

    if not os.environ.get("JAX_PLATFORMS"):
        jax.config.update("jax_platforms", "cpu")
    chip = target.chip
    if chip.platform == "tpu":
        devices = _tpus(target.of_size(count or 1))
    else:
        devices = _gpus(target, count or 1)
    if count is not None and count > len(devices):
        there = "1 device" if len(devices) == 1 else f"{len(devices)} devices"
        raise InputError(f"{target.name} has {there}, got {count}")
    chosen = devices[:count]
    if chip.platform == "tpu" and not _are_a_box(chosen):
        raise InputError(
            f"{count} devices are no box in {target.of_size(len(chosen)).name}; "
            f"it has {len(devices)}: take a number that divides them"
        )
    return chosen


def _are_a_box(devices: list[Any]) -> bool:
    """Whether TPUs are all those between the corners of a box, as a mesh of JAX needs them."""
    places = {tuple(device.coords) for device in devices}
    sides = [max(axis) - min(axis) + 1 for axis in zip(*places, strict=True)]
    return math.prod(sides) == len(places)


def _tpus(target: Target) -> list[Any]:
    from jax.experimental import topologies

    for name, value in _LIBTPU.items():
        os.environ.setdefault(name, value)
    importlib.import_module("libtpu")
    # The two cores of a v4 are one device, as on the machine itself.
    options = {"chip_config_name": "megacore"} if target.chip.name == "v4" else {}
    try:
        topology = topologies.get_topology_desc(
            platform="tpu", topology_name=target.name, **options
        )
    except Exception as error:  # jaxlib's own, with another name in each version
        known = ", ".join(shape for shape, _ in target.chip.slices)
        reason = str(error).split("\n")[0].removeprefix("INVALID_ARGUMENT: ")
        raise InputError(
            f"libtpu has no {target.name} ({reason}); slices of {target.chip.name} are {known}"
        ) from None
    return list(topology.devices)


def _gpus(target: Target, count: int) -> list[Any]:
    from jax.experimental import topologies

    # The plugin's version has that of CUDA in its name.
    importlib.import_module("jax_cuda13_plugin")
    topology = topologies.get_topology_desc(
        "ahead_of_time",
        platform="cuda",
        topology=f"1x1x{count}",
        target_config=describe(target.chip),
    )
    return list(topology.devices)
