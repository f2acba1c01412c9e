"""What crosses between any number of devices in a training step, by formula from the layers.

The same arrays as `communication` reads off the compiled step, without devices and compiler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from alexnet_jax.errors import InputError
from alexnet_jax.network import LRN, Architecture, Dense, Placed, reads_all_maps
from alexnet_jax.parallel import check_divides, dense_split, list_topologies, towers_split

_FLOAT32 = 4  # bytes of a gradient, whatever is computed in


@dataclass(frozen=True)
class Layout:
    """A topology on a number of devices, without the devices.

    Attributes:
      topology: as on the command line.
      devices: their number.
      shares: parts that a batch is divided into.
      parts: parts that the layers in `split` are divided into.
      gathered: names of the layers that see the images of all devices.
    """

    topology: str
    devices: int
    shares: int
    parts: int = 1
    split: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()

    def parts_of(self, placed: Placed) -> int:
        return self.parts if placed.layer.name in self.split else 1


def layout(topology: str, architecture: Architecture, devices: int) -> Layout:
    """A topology by name on any number of devices, by the rules of `parallel.topology`.

    Raises:
      InputError: an unknown name; a number of devices, or a network, that it cannot have.
    """
    if devices < 1:
        raise InputError(f"the number of devices must be at least 1, got {devices}")
    match topology:
        case "one_device":
            return Layout(topology, 1, 1)
        case "data":
            return Layout(topology, devices, devices)
        case "two_towers":
            return Layout(topology, 2, 1, 2, towers_split(topology, architecture))
        case "data_towers":
            if devices % 2:
                raise InputError(f"data_towers needs an even number of devices, found {devices}")
            split = towers_split(topology, architecture)
            return Layout(topology, devices, devices // 2, 2, split)
        case "hybrid":
            dense = frozenset(la.name for la in architecture.layers if isinstance(la, Dense))
            split = dense_split(architecture, devices)
            return Layout(topology, devices, devices, devices, split, dense)
    raise InputError(f"unknown topology {topology!r}; there are {', '.join(list_topologies())}")


@dataclass(frozen=True)
class Transfer:
    """One array that crosses in every step; `layer`, `direction`, `kind` as in `Crossing`.

    Attributes:
      values: of the whole array: what a gather makes on each device, what a scatter or all-reduce
        takes there, what a permutation sends.
      itemsize: bytes of a value.
      members: devices that exchange it.
      groups: sets of such devices, each with an array of its own.
    """

    layer: str
    direction: str
    kind: str
    values: int
    itemsize: int
    members: int
    groups: int

    @property
    def bytes_sent(self) -> float:
        """By each device that sends: with g members (g-1)/g of the array, 2(g-1)/g for an
        all-reduce, all of it for a permutation."""
        rest = (self.members - 1) / self.members
        share = {"collective-permute": 1.0, "all-reduce": 2 * rest}.get(self.kind, rest)
        return share * self.values * self.itemsize

    @property
    def bytes_per_step(self) -> float:
        """By all devices together. A permutation goes one way, between two."""
        senders = 1 if self.kind == "collective-permute" else self.members
        return self.groups * senders * self.bytes_sent


def transfers(
    architecture: Architecture, plan: Layout, batch: int, itemsize: int = 4
) -> list[Transfer]:
    """Every array that crosses in a training step of `batch` images over all devices.

    Args:
      itemsize: bytes of an activation; gradients of weights are float32.

    Raises:
      InputError: a batch that does not divide.
    """
    check_divides(batch, plan.shares)
    found = [
        *_activations(architecture, plan, batch, itemsize),
        *_gradients(architecture, plan),
        *_metrics(plan),
    ]
    return [transfer for transfer in found if transfer.members > 1]


def _activations(
    architecture: Architecture, plan: Layout, batch: int, itemsize: int
) -> Iterator[Transfer]:
    """What layers read of the other devices' maps or images, and its gradients on the way back."""
    # Towers exchange the images of a pair; hybrid's dense layers those of all devices.
    images = batch if plan.gathered else batch // plan.shares
    group = (itemsize, plan.parts, plan.devices // plan.parts)
    last = architecture.layers[-1].name
    for index, placed in enumerate(architecture.placed()):
        layer = placed.layer
        reads = layer.name in plan.gathered if plan.gathered else index and reads_all_maps(layer)
        if reads:
            values = images * math.prod(placed.input)
            yield Transfer(layer.name, "forward", "all-gather", values, *group)
            if layer.name in plan.split:  # else all compute all of it, and its input's gradient
                yield Transfer(layer.name, "backward", "reduce-scatter", values, *group)
        if isinstance(layer, LRN) and not (layer.within_tower or plan.gathered) and layer.n > 1:
            halo = images * math.prod(placed.input[:-1]) * (layer.n // 2)
            for direction in ("forward", "forward", "backward", "backward"):  # up and down
                yield Transfer(layer.name, direction, "collective-permute", halo, *group)
    if last in plan.split:
        yield Transfer("logits", "forward", "all-gather", images * architecture.classes, *group)


def _gradients(architecture: Architecture, plan: Layout) -> Iterator[Transfer]:
    """Sums over the devices that hold the same weights and see other images."""
    group = (_FLOAT32, plan.shares, plan.devices // plan.shares)
    for placed in architecture.placed():
        if placed.kernel is not None and placed.layer.name not in plan.gathered:
            for size in (math.prod(placed.kernel), placed.kernel[-1]):
                values = size // plan.parts_of(placed)
                yield Transfer(placed.layer.name, "gradient", "all-reduce", values, *group)


def _metrics(plan: Layout) -> list[Transfer]:
    """Loss, top1 and top5, a number each; where all see all images, nothing."""
    one = Transfer(
        "metrics", "forward", "all-reduce", 1, _FLOAT32, plan.shares, plan.devices // plan.shares
    )
    return [] if plan.gathered else [one] * 3
