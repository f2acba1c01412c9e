"""The topologies: meshes of the devices there are, for a network, by name.

A topology places arrays, spreads functions over its mesh and supplies the `Towers` that `forward`
calls. Nothing else knows how many devices there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Dense
from alexnet_jax.parallel.collectives import DenseApart, TowersApart
from alexnet_jax.parallel.topology import Topology

Devices = Sequence[jax.Device]


def _mesh(devices: Devices, shape: tuple[int, ...], names: tuple[str, ...]) -> jax.sharding.Mesh:
    automatic = (jax.sharding.AxisType.Auto,) * len(names)
    return jax.make_mesh(shape, names, axis_types=automatic, devices=devices[: math.prod(shape)])


def _one_device(architecture: Architecture, devices: Devices) -> Topology:
    return Topology("one_device", _mesh(devices, (1,), ("data",)))


def _data(architecture: Architecture, devices: Devices) -> Topology:
    return Topology("data", _mesh(devices, (len(devices),), ("data",)), data="data")


def _two_towers(architecture: Architecture, devices: Devices) -> Topology:
    if len(devices) < 2:
        raise InputError(f"two_towers needs 2 devices, found {len(devices)}{_hint(devices, 2)}")
    towers, split = _towers_apart("two_towers", architecture)
    mesh = _mesh(devices, (2,), ("tower",))
    return Topology("two_towers", mesh, towers, model="tower", split=split)


def _data_towers(architecture: Architecture, devices: Devices) -> Topology:
    count = len(devices)
    if count % 2:
        hint = _hint(devices, count + 1)
        raise InputError(f"data_towers needs an even number of devices, found {count}{hint}")
    towers, split = _towers_apart("data_towers", architecture)
    mesh = _mesh(devices, (count // 2, 2), ("data", "tower"))
    return Topology("data_towers", mesh, towers, "data", "tower", split)


def _hybrid(architecture: Architecture, devices: Devices) -> Topology:
    count = len(devices)
    split = dense_split(architecture, count)
    dense = [layer.name for layer in architecture.layers if isinstance(layer, Dense)]
    towers = DenseApart("data", dense[0], frozenset(dense), dense[-1], dense[-1] in split)
    mesh = _mesh(devices, (count,), ("data",))
    return Topology("hybrid", mesh, towers, "data", "data", split, frozenset(dense))


def dense_split(architecture: Architecture, count: int) -> frozenset[str]:
    """The dense layers that `hybrid` divides over `count` devices: all, but perhaps the last.

    Raises:
      InputError: a hidden layer whose units do not divide.
    """
    dense = [layer for layer in architecture.layers if isinstance(layer, Dense)]
    for layer in dense[:-1]:
        if layer.maps % count:
            raise InputError(
                f"hybrid divides dense layers over its {count} devices, but {layer.name} has "
                f"{layer.maps} units"
            )
    return frozenset(layer.name for layer in dense if layer.maps % count == 0)


def _towers_apart(name: str, architecture: Architecture) -> tuple[TowersApart, frozenset[str]]:
    split = towers_split(name, architecture)
    classifier = architecture.layers[-1].name
    return TowersApart("tower", classifier, classifier in split), split


def towers_split(name: str, architecture: Architecture) -> frozenset[str]:
    """The layers that two towers divide: all, but a last one of an odd number of classes.

    Raises:
      InputError: a network of another number of towers, under the topology `name`.
    """
    if architecture.towers != 2:
        raise InputError(
            f"{name} needs a network of two towers, but {architecture.name} has "
            f"{architecture.towers}; use data or hybrid"
        )
    # The hidden layers' numbers of maps are even: the architecture has seen to that.
    maps = {p.layer.name: p.kernel[-1] for p in architecture.placed() if p.kernel is not None}
    return frozenset(layer for layer, count in maps.items() if count % 2 == 0)


def _hint(devices: Devices, wanted: int) -> str:
    """The cure, where it is to have more devices: not where a part of them was chosen."""
    alone = devices[0].platform == "cpu" and len(devices) == len(jax.devices()) < wanted
    return f"; on a CPU set JAX_NUM_CPU_DEVICES={wanted}" if alone else ""


_TOPOLOGIES: dict[str, Callable[[Architecture, Devices], Topology]] = {
    "one_device": _one_device,
    "two_towers": _two_towers,
    "data": _data,
    "data_towers": _data_towers,
    "hybrid": _hybrid,
}


def list_topologies() -> tuple[str, ...]:
    """Names that `topology` takes."""
    return tuple(_TOPOLOGIES)


def topology(name: str, architecture: Architecture, devices: Devices | None = None) -> Topology:
    """A topology by name, for a network: over the devices there are, or those given.

    `one_device` and `two_towers` use the first one and two, the others all.

    Raises:
      InputError: an unknown name; too few devices, or a network that they cannot share; a process
        whose devices are all left out.
    """
    if name not in _TOPOLOGIES:
        raise InputError(f"unknown topology {name!r}; there are {', '.join(_TOPOLOGIES)}")
    found = _TOPOLOGIES[name](architecture, jax.devices() if devices is None else devices)
    used = {device.process_index for device in found.mesh.devices.flat}
    idle = sorted(set(range(jax.process_count())) - used)
    if devices is None and idle:
        raise InputError(
            f"{name} takes {found.mesh.size} device{'s' * (found.mesh.size > 1)} and leaves "
            f"process {idle[0]} without any; start fewer processes, or use data, data_towers or "
            "hybrid, which take all devices"
        )
    return found


__all__ = ["Topology", "list_topologies", "topology"]
