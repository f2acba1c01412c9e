"""Devices of the option --target, of a machine that is not there."""

from __future__ import annotations

from typing import Any

from alexnet_jax.errors import InputError

# Topologies that take a fixed number of devices.
_TAKES = {"one_device": 1, "two_towers": 2}


def devices_of(name: str, topology: str, count: int | None) -> tuple[Any, list[Any]]:
    """Return the target of a name with its slice, and the devices that a topology takes of it.

    Args:
      count: the option --devices; by default all of the slice, which then has 4, or 2 GPUs.

    Raises:
      InputError: an unknown target; a number of devices that the topology or the target has not.
      ModuleNotFoundError: the package of the target's platform.
    """
    from alexnet_jax.compiling import parse_target, target_devices

    target, takes = parse_target(name), _TAKES.get(topology)
    if takes is not None and count not in (None, takes):
        raise InputError(f"{topology} takes {takes} of the devices, got --devices {count}")
    count = takes or count
    if target.chip.platform == "cuda":
        count = count or 2
    target = target.of_size(count or 4)
    return target, target_devices(target, count)
