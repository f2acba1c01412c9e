"""Where a run's arrays live and what crosses between devices.

A topology places arrays and supplies the `Towers` that `forward` calls. One device is all there
is so far; the names of the others are reserved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from alexnet_jax.errors import InputError
from alexnet_jax.towers import ONE_DEVICE, Towers


@dataclass(frozen=True)
class Topology:
    """One way of spreading a network over devices."""

    name: str
    towers: Towers
    device: jax.Device

    def place(self, tree: Any) -> Any:
        """The tree's arrays where this topology wants them."""
        return jax.device_put(tree, jax.sharding.SingleDeviceSharding(self.device))

    def abstract(self, tree: Any) -> Any:
        """Shapes, dtypes and places of a tree, as restoring a checkpoint needs them."""
        sharding = jax.sharding.SingleDeviceSharding(self.device)
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
        )


def _one_device() -> Topology:
    return Topology("one_device", ONE_DEVICE, jax.devices()[0])


TOPOLOGIES: dict[str, Callable[[], Topology]] = {"one_device": _one_device}


def topology(name: str) -> Topology:
    """A topology by name, over the devices there are. InputError for an unknown name."""
    if name not in TOPOLOGIES:
        raise InputError(f"unknown topology {name!r}; there are {', '.join(TOPOLOGIES)}")
    return TOPOLOGIES[name]()
