"""Where a run's arrays live: meshes of devices, and one rule that places every tree.

A topology places arrays, spreads functions over its mesh and supplies the `Towers` that `forward`
calls. Nothing else knows how many devices there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
from jax import lax

from alexnet_jax.config import Architecture
from alexnet_jax.crossings import DenseApart, TowersApart
from alexnet_jax.errors import InputError
from alexnet_jax.layers import Dense
from alexnet_jax.towers import ONE_DEVICE, Towers

Function = TypeVar("Function", bound=Callable[..., Any])
Devices = Sequence[jax.Device]
P = jax.P


@dataclass(frozen=True)
class Topology:
    """One way of spreading a network over devices.

    Attributes:
      name: as on the command line.
      mesh: of the devices used.
      towers: what crosses inside `spread`.
      data: axis of the mesh over which images are split, if any.
      model: axis over which the last axes of the layers in `split` are, if any.
      split: names of those layers; the others are whole on every device.
      gathered: names of the layers that see the images of all devices, if any.
    """

    name: str
    mesh: jax.sharding.Mesh
    towers: Towers = ONE_DEVICE
    data: str | None = None
    model: str | None = None
    split: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()

    @property
    def shares(self) -> int:
        """Number of parts that a batch is divided into."""
        return 1 if self.data is None else self.mesh.shape[self.data]

    def divisible(self, count: int) -> int:
        """The least number of images, at least `count`, that divides into the shares."""
        return -(-count // self.shares) * self.shares

    def specs(self, tree: Any) -> Any:
        """The places of a tree's leaves: the one rule.

        The last axis of a kernel or bias of a layer in `split` goes over the model axis, in any
        tree that holds them by name: parameters, gradients, velocity, average. All else is
        replicated.
        """

        def spec(path: tuple[Any, ...], leaf: Any) -> P:
            names = [getattr(entry, "key", None) for entry in path[-2:]]
            if names[-1:] in (["kernel"], ["bias"]) and names[0] in self.split:
                return P(*(None,) * (leaf.ndim - 1), self.model)
            return P()

        return jax.tree.map_with_path(spec, tree)

    def batch_specs(self) -> dict[str, P]:
        """The places of a training batch."""
        # Where dense layers see the images of all devices, so do the loss and the masks.
        rest = P() if self.gathered else P(self.data)
        return {"image": P(self.data), "label": rest, "index": rest}

    @property
    def logits_spec(self) -> P:
        """The places of the logits that `forward` returns."""
        return P() if self.gathered else P(self.data)

    def shardings(self, tree: Any) -> Any:
        """`specs` as shardings of this mesh."""
        return jax.tree.map(lambda spec: jax.NamedSharding(self.mesh, spec), self.specs(tree))

    def place(self, tree: Any) -> Any:
        """A tree's arrays where the rule wants them."""
        return jax.device_put(tree, self.shardings(tree))

    def place_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch's arrays, split by images where this topology does that."""
        specs = self.batch_specs()
        return {
            name: jax.device_put(value, jax.NamedSharding(self.mesh, specs[name]))
            for name, value in batch.items()
        }

    def abstract(self, tree: Any) -> Any:
        """Shapes, dtypes and places of a tree, as restoring a checkpoint needs them."""
        return jax.tree.map(
            lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
            tree,
            self.shardings(tree),
        )

    def spread(self, function: Function, in_specs: Any, out_specs: Any) -> Function:
        """The function on every device's shares of its arguments; itself on one device."""
        if self.data is None and self.model is None:
            return function
        return jax.shard_map(
            function, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=True
        )

    def own_rows(self, x: jax.Array) -> jax.Array:
        """Inside `spread`: the rows of this device's images, of an array of the batch's specs."""
        if not self.gathered:
            return x
        size = x.shape[0] // self.shares
        return lax.dynamic_slice_in_dim(x, lax.axis_index(self.data) * size, size)

    def differing(self, params: Any) -> Any:
        """Inside `spread`: parameters whose gradients will be summed over the data axis, once.

        Without it every use of a replicated parameter would be summed by itself.
        """
        if self.data is None:
            return params
        axis = self.data

        return {
            name: layer if name in self.gathered else lax.pcast(layer, axis, to="varying")
            for name, layer in params.items()
        }

    def seen_by_all(self, images: jax.Array) -> jax.Array:
        """Inside `spread`: images that both towers read."""
        if self.model is None or self.gathered:
            return images
        return lax.pcast(images, self.model, to="varying")

    def mean(self, x: jax.Array) -> jax.Array:
        """Inside `spread`: the mean over the devices' shares of the batch."""
        return x if self.data is None or self.gathered else lax.pmean(x, self.data)


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
    dense = [layer for layer in architecture.layers if isinstance(layer, Dense)]
    for layer in dense[:-1]:
        if layer.maps % count:
            raise InputError(
                f"hybrid divides dense layers over its {count} devices, but {layer.name} has "
                f"{layer.maps} units"
            )
    names = frozenset(layer.name for layer in dense)
    split = frozenset(layer.name for layer in dense if layer.maps % count == 0)
    last = dense[-1].name
    towers = DenseApart("data", dense[0].name, names, last, last in split)
    mesh = _mesh(devices, (count,), ("data",))
    return Topology("hybrid", mesh, towers, "data", "data", split, names)


def _towers_apart(name: str, architecture: Architecture) -> tuple[TowersApart, frozenset[str]]:
    if architecture.towers != 2:
        raise InputError(
            f"{name} needs a network of two towers, but {architecture.name} has "
            f"{architecture.towers}; use data or hybrid"
        )
    # The hidden layers' numbers of maps are even: the architecture has seen to that.
    maps = {p.layer.name: p.kernel[-1] for p in architecture.placed() if p.kernel is not None}
    split = frozenset(layer for layer, count in maps.items() if count % 2 == 0)
    classifier = architecture.layers[-1].name
    return TowersApart("tower", classifier, classifier in split), split


def _hint(devices: Devices, wanted: int) -> str:
    on_cpu = devices[0].platform == "cpu"
    return f"; on a CPU set JAX_NUM_CPU_DEVICES={wanted}" if on_cpu else ""


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
      InputError: an unknown name; too few devices, or a network that they cannot share.
    """
    if name not in _TOPOLOGIES:
        raise InputError(f"unknown topology {name!r}; there are {', '.join(_TOPOLOGIES)}")
    return _TOPOLOGIES[name](architecture, jax.devices() if devices is None else devices)
