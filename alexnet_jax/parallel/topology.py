"""Where a run's arrays live on a mesh of devices, by one rule, and what is spread over it."""

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
# Arrays in any structure, or their shapes or places in the same structure.
Tree = TypeVar("Tree")
P = jax.P
Rows = tuple[slice, ...]  # of an array, the first of its axes


class Readable(Protocol):
    """An array, or what is read like one when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, rows: slice, /) -> np.ndarray | jax.Array: ...


def check_divides(batch: int, shares: int, parts: int = 1) -> None:
    """Raises InputError for a batch that does not divide into equal parts of equal shares."""
    unit = shares * parts
    if batch % unit:
        nearest = max(unit, round(batch / unit) * unit)
        raise InputError(
            f"a batch of {batch} does not divide over {shares} devices"
            f"{f' in {parts} parts' * (parts > 1)}; the nearest that does is {nearest}"
        )


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

    def check_batch(self, batch: int, parts: int = 1) -> None:
        """Raises InputError for a batch that does not divide into equal parts on every device."""
        check_divides(batch, self.shares, parts)

    def specs(self, tree: object) -> object:
        """The places of a tree's leaves: the one rule.

        The last axis of a kernel or bias of a layer in `split` goes over the model axis, in any
        tree that holds them by name: parameters, gradients, velocity, average. All else is
        replicated.
        """

        def spec(path: tuple[object, ...], leaf: jax.Array) -> P:
            names = [getattr(entry, "key", None) for entry in path[-2:]]
            if names[-1:] in (["kernel"], ["bias"]) and names[0] in self.split:
                return P(*(None,) * (leaf.ndim - 1), self.model)
            return P()

        places: object = jax.tree.map_with_path(spec, tree)
        return places

    def batch_specs(self, names: Iterable[str] = ("image", "label", "index")) -> dict[str, P]:
        """The places of a batch's arrays."""
        # Where dense layers see the images of all devices, so do the loss and the masks.
        rest = P() if self.gathered else P(self.data)
        return {name: P(self.data) if name == "image" else rest for name in names}

    @property
    def logits_spec(self) -> P:
        """The places of the logits that `forward` returns."""
        return P() if self.gathered else P(self.data)

    def shardings(self, tree: Tree) -> Tree:
        """`specs` as shardings of this mesh."""
        specs = self.specs(tree)
        places: Tree = jax.tree.map(lambda spec: jax.NamedSharding(self.mesh, spec), specs)
        return places

    def place(self, tree: Tree) -> Tree:
        """A tree's arrays where the rule wants them."""
        placed: Tree = jax.device_put(tree, self.shardings(tree))
        return placed

    def place_batch(self, batch: Mapping[str, Readable]) -> dict[str, jax.Array]:
        """A batch's arrays, split by images where this topology does that.

        They need a shape, and are asked only for the rows of this process's devices.
        """
        return {
            name: jax.make_array_from_callback(
                batch[name].shape, jax.NamedSharding(self.mesh, spec), _rows_of(batch[name])
            )
            for name, spec in self.batch_specs(batch).items()
        }

    def abstract(self, tree: Tree) -> Tree:
        """Shapes, dtypes and places of a tree, as restoring a checkpoint needs them."""
        shapes: Tree = jax.tree.map(
            lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
            tree,
            self.shardings(tree),
        )
        return shapes

    def spread(self, function: Function, in_specs: object, out_specs: object) -> Function:
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

    def differing(self, params: Params) -> Params:
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
        varying: jax.Array = lax.pcast(images, self.model, to="varying")
        return varying

    def mean(self, x: jax.Array) -> jax.Array:
        """Inside `spread`: the mean over the devices' shares of the batch."""
        if self.data is None or self.gathered:
            return x
        mean: jax.Array = lax.pmean(x, self.data)
        return mean


def _rows_of(array: Readable) -> Callable[[Rows | None], np.ndarray | jax.Array]:
    """Reads the rows that a device asks for, once for all devices that ask for the same."""
    read: dict[tuple[int | None, int | None], np.ndarray | jax.Array] = {}

    def rows(index: Rows | None) -> np.ndarray | jax.Array:
        assert index is not None
        place = index[0].start, index[0].stop
        if place not in read:
            read[place] = array[index[0]]
        return read[place]

    return rows
