"""Sharding of a run's arrays and functions over a mesh of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import jax
import numpy as np
from jax import lax

from alexnet_jax.errors import InputError
from alexnet_jax.network import ONE_DEVICE, Params, Towers

Function = TypeVar("Function", bound=Callable[..., object])
# Arrays in any structure, or their shapes or shardings in the same structure.
Tree = TypeVar("Tree")
P = jax.P
Index = tuple[slice, ...]  # of a device's share of an array: a slice of each axis


class Readable(Protocol):
    """Array, or object whose rows are read when it is indexed by a slice."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, rows: slice, /) -> np.ndarray | jax.Array: ...


def check_divides(batch: int, shares: int, parts: int = 1) -> None:
    """Raise InputError unless a batch divides into `parts` equal parts of `shares` equal shares."""
    unit = shares * parts
    if batch % unit:
        nearest = max(unit, round(batch / unit) * unit)
        in_parts = f" in {parts} parts" if parts > 1 else ""
        raise InputError(
            f"a batch of {batch} does not divide over {shares} devices{in_parts}; "
            f"the nearest that does is {nearest}"
        )


@dataclass(frozen=True)
class Topology:
    """Division of a network and its batches over the devices of a mesh.

    Attributes:
      name: name on the command line.
      mesh: mesh of the devices in use.
      towers: communication between the devices, for `forward` inside `shard_map`.
      data: mesh axis over which images are split, if any.
      model: mesh axis over which the layers in `split` are split by maps or units, if any.
      split: names of those layers; all others are whole on every device.
      gathered: names of the layers that read the images of all devices, if any.
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
        """Number of shares that a batch is divided into."""
        return 1 if self.data is None else self.mesh.shape[self.data]

    def divisible(self, count: int) -> int:
        """Return the least number of images, at least `count`, that divides into the shares."""
        return -(-count // self.shares) * self.shares

    def check_batch(self, batch: int, parts: int = 1) -> None:
        """Raise InputError unless a batch divides into equal parts on every device."""
        check_divides(batch, self.shares, parts)

    def specs(self, tree: object) -> object:
        """Return the partition specs of a tree's leaves, by one rule for all trees.

        The last axis of a kernel or bias of a layer in `split` is split over the model axis, in
        any tree that holds layers by name: parameters, gradients, velocity, average. Everything
        else is replicated.
        """

        def spec(path: tuple[object, ...], leaf: jax.Array) -> P:
            names = [getattr(entry, "key", None) for entry in path[-2:]]
            if names[-1:] in (["kernel"], ["bias"]) and names[0] in self.split:
                return P(*(None,) * (leaf.ndim - 1), self.model)
            return P()

        specs: object = jax.tree.map_with_path(spec, tree)
        return specs

    def batch_specs(self, names: Iterable[str] = ("image", "label", "index")) -> dict[str, P]:
        """Return the partition specs of a batch's arrays, by name."""
        # If dense layers read the images of all devices, so do the loss and the dropout masks.
        rest = P() if self.gathered else P(self.data)
        return {name: P(self.data) if name == "image" else rest for name in names}

    @property
    def logits_spec(self) -> P:
        """Partition spec of the logits that `forward` returns."""
        return P() if self.gathered else P(self.data)

    def shardings(self, tree: Tree) -> Tree:
        """Return `specs` as shardings over the mesh."""
        specs = self.specs(tree)
        shardings: Tree = jax.tree.map(lambda spec: jax.NamedSharding(self.mesh, spec), specs)
        return shardings

    def place(self, tree: Tree) -> Tree:
        """Put a tree's arrays on the devices, sharded by `specs`."""
        placed: Tree = jax.device_put(tree, self.shardings(tree))
        return placed

    def place_batch(self, batch: Mapping[str, Readable]) -> dict[str, jax.Array]:
        """Put a batch's arrays on the devices, sharded by `batch_specs`.

        Only the rows of this process's devices are read.
        """
        return {
            name: jax.make_array_from_callback(
                batch[name].shape, jax.NamedSharding(self.mesh, spec), _row_reader(batch[name])
            )
            for name, spec in self.batch_specs(batch).items()
        }

    def abstract(self, tree: Tree) -> Tree:
        """Return the shapes, dtypes and shardings of a tree, for restoring a checkpoint."""
        shapes: Tree = jax.tree.map(
            lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
            tree,
            self.shardings(tree),
        )
        return shapes

    def shard_map(self, function: Function, in_specs: object, out_specs: object) -> Function:
        """Map a function over the devices' shares of its arguments; on one device, return it."""
        if self.data is None and self.model is None:
            return function
        return jax.shard_map(
            function, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=True
        )

    def own_rows(self, x: jax.Array) -> jax.Array:
        """Return the rows of this device's images; to be called inside `shard_map`.

        Args:
          x: array of a batch, sharded by `batch_specs`.
        """
        if not self.gathered:
            return x
        size = x.shape[0] // self.shares
        return lax.dynamic_slice_in_dim(x, lax.axis_index(self.data) * size, size)

    def mark_varying(self, params: Params) -> Params:
        """Mark parameters as varying over the data axis; to be called inside `shard_map`.

        Their gradients are then summed over the data axis once. Otherwise the gradient of every
        use of a replicated parameter would be summed on its own. Layers in `gathered` read the
        images of all devices and need no sum.
        """
        if self.data is None:
            return params
        axis = self.data
        return {
            name: layer if name in self.gathered else lax.pcast(layer, axis, to="varying")
            for name, layer in params.items()
        }

    def share_between_towers(self, images: jax.Array) -> jax.Array:
        """Mark images as read by both towers; to be called inside `shard_map`."""
        if self.model is None or self.gathered:
            return images
        varying: jax.Array = lax.pcast(images, self.model, to="varying")
        return varying

    def mean(self, x: jax.Array) -> jax.Array:
        """Return the mean over the devices' shares of a batch; to be called inside `shard_map`."""
        if self.data is None or self.gathered:
            return x
        mean: jax.Array = lax.pmean(x, self.data)
        return mean


def _row_reader(array: Readable) -> Callable[[Index | None], np.ndarray | jax.Array]:
    """Return a function that reads a device's rows, once for all devices with the same rows."""
    cached: dict[tuple[int | None, int | None], np.ndarray | jax.Array] = {}

    def read(index: Index | None) -> np.ndarray | jax.Array:
        assert index is not None
        bounds = index[0].start, index[0].stop
        if bounds not in cached:
            cached[bounds] = array[index[0]]
        return cached[bounds]

    return read
