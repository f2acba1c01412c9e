"""Topologies of a network, by name.

A topology shards arrays and functions over its mesh of devices and supplies the `Towers` that
`forward` calls. No other code depends on the number of devices.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import Architecture, Conv, Dense, Weighted
from alexnet_jax.parallel.collectives import DenseParallel, TowerParallel
from alexnet_jax.parallel.topology import Topology

Devices = Sequence[jax.Device]


def _mesh(devices: Devices, shape: tuple[int, ...], names: tuple[str, ...]) -> jax.sharding.Mesh:
    """Build a mesh of the first devices, with axes of the given shape and names."""
    automatic = (jax.sharding.AxisType.Auto,) * len(names)
    return jax.make_mesh(shape, names, axis_types=automatic, devices=devices[: math.prod(shape)])


def _one_device(architecture: Architecture, devices: Devices) -> Topology:
    return Topology("one_device", _mesh(devices, (1,), ("data",)))


def _data(architecture: Architecture, devices: Devices) -> Topology:
    return Topology("data", _mesh(devices, (len(devices),), ("data",)), data="data")


def _two_towers(architecture: Architecture, devices: Devices) -> Topology:
    if len(devices) < 2:
        raise InputError(f"two_towers needs 2 devices, found {len(devices)}{_hint(devices, 2)}")
    towers, split = _tower_parallel("two_towers", architecture)
    mesh = _mesh(devices, (2,), ("tower",))
    return Topology("two_towers", mesh, towers, model="tower", split=split)


def _data_towers(architecture: Architecture, devices: Devices) -> Topology:
    count = len(devices)
    if count % 2:
        hint = _hint(devices, count + 1)
        raise InputError(f"data_towers needs an even number of devices, found {count}{hint}")
    towers, split = _tower_parallel("data_towers", architecture)
    mesh = _mesh(devices, (count // 2, 2), ("data", "tower"))
    return Topology("data_towers", mesh, towers, "data", "tower", split)


def _hybrid(architecture: Architecture, devices: Devices) -> Topology:
    count = len(devices)
    split = dense_split(architecture, count)
    dense = [layer.name for layer in architecture.layers if isinstance(layer, Dense)]
    if not dense:  # a part of a network, whose layers are all data-parallel
        return dataclasses.replace(_data(architecture, devices), name="hybrid")
    towers = DenseParallel("data", dense[0], frozenset(dense), dense[-1], dense[-1] in split)
    mesh = _mesh(devices, (count,), ("data",))
    return Topology("hybrid", mesh, towers, "data", "data", split, frozenset(dense))


def dense_split(architecture: Architecture, count: int) -> frozenset[str]:
    """Return the names of the dense layers that `hybrid` divides over `count` devices.

    These are all dense layers, except the last if its units do not divide.

    Raises:
      InputError: a hidden layer whose units do not divide.
    """
    dense = [layer for layer in architecture.layers if isinstance(layer, Dense)]
    for layer in dense[:-1]:
        if layer.units % count:
            raise InputError(
                f"hybrid divides dense layers over its {count} devices, but {layer.name} has "
                f"{layer.units} units"
            )
    return frozenset(layer.name for layer in dense if layer.units % count == 0)


def _tower_parallel(name: str, architecture: Architecture) -> tuple[TowerParallel, frozenset[str]]:
    """Return the towers' communication, and the names of the layers that they divide."""
    split = towers_split(name, architecture)
    weighted = [p.layer.name for p in architecture.placed() if p.kernel is not None]
    if not weighted:
        raise InputError(f"{name} divides layers with weights; {architecture.name} has none")
    return TowerParallel("tower", weighted[-1], weighted[-1] in split), split


def towers_split(name: str, architecture: Architecture) -> frozenset[str]:
    """Return the names of the layers that two towers divide.

    These are all layers with weights, except a last dense layer with an odd number of units.

    Raises:
      InputError: a network that has not two towers, or whose first convolution has groups: both
        towers read whole images. The message names the topology `name`.
    """
    if architecture.towers != 2:
        raise InputError(
            f"{name} needs a network of two towers, but {architecture.name} has "
            f"{architecture.towers}; use data or hybrid"
        )
    first = next((layer for layer in architecture.layers if isinstance(layer, Weighted)), None)
    if isinstance(first, Conv) and first.groups > 1:
        raise InputError(
            f"{name} gives whole images to both towers, but {first.name} of {architecture.name} "
            f"reads them in {first.groups} groups; use data or hybrid"
        )
    # Hidden layers have even numbers of maps: `Architecture` checks that.
    maps = {p.layer.name: p.kernel[-1] for p in architecture.placed() if p.kernel is not None}
    return frozenset(layer for layer, count in maps.items() if count % 2 == 0)


def _hint(devices: Devices, wanted: int) -> str:
    """Return the advice to create more CPU devices, or "" where that would not help.

    It does not help on other platforms, or if the caller chose some of the devices.
    """
    too_few = len(devices) == len(jax.devices()) < wanted
    if devices[0].platform == "cpu" and too_few:
        return f"; on a CPU set JAX_NUM_CPU_DEVICES={wanted}"
    return ""


_TOPOLOGIES: dict[str, Callable[[Architecture, Devices], Topology]] = {
    "one_device": _one_device,
    "two_towers": _two_towers,
    "data": _data,
    "data_towers": _data_towers,
    "hybrid": _hybrid,
}


def list_topologies() -> tuple[str, ...]:
    """Return the names that `topology` accepts."""
    return tuple(_TOPOLOGIES)


def topology(name: str, architecture: Architecture, devices: Devices | None = None) -> Topology:
    """Build the topology `name` of a network, over `devices` or by default all devices of JAX.

    `one_device` uses the first device and `two_towers` the first two; the others use all.

    Raises:
      InputError: an unknown name; too few devices; a network that the devices cannot share; a
        process none of whose devices is used.
    """
    if name not in _TOPOLOGIES:
        raise InputError(f"unknown topology {name!r}; {choices(name, _TOPOLOGIES)}")
    built = _TOPOLOGIES[name](architecture, jax.devices() if devices is None else devices)
    used = {device.process_index for device in built.mesh.devices.flat}
    idle = sorted(set(range(jax.process_count())) - used)
    if devices is None and idle:
        count = "1 device" if built.mesh.size == 1 else f"{built.mesh.size} devices"
        raise InputError(
            f"{name} takes {count} and leaves process {idle[0]} without any; start fewer "
            "processes, or use data, data_towers or hybrid, which take all devices"
        )
    return built


__all__ = ["Topology", "list_topologies", "topology"]
