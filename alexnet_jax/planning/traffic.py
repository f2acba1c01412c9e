"""Communication of a training step on any number of devices, by formula from the layers.

The arrays are those that `communication` reads from the compiled step; neither devices nor a
compiler are needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import LRN, Architecture, Dense, Placed, reads_all_maps
from alexnet_jax.parallel import check_divides, dense_split, list_topologies, towers_split

_FLOAT32 = 4  # bytes of a gradient, for any dtype of the activations


@dataclass(frozen=True)
class Layout:
    """Partition of a batch and of the layers over a number of devices.

    Attributes:
      topology: name of the topology, as on the command line.
      devices: number of devices.
      shares: number of parts that a batch is divided into.
      parts: number of parts that the layers in `split` are divided into.
      split: names of the layers that are divided.
      gathered: names of the layers that compute on the images of all devices.
    """

    topology: str
    devices: int
    shares: int
    parts: int = 1
    split: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()

    def parts_of(self, placed: Placed) -> int:
        """Return the number of parts that a layer is divided into."""
        return self.parts if placed.layer.name in self.split else 1


def layout(topology: str, architecture: Architecture, devices: int) -> Layout:
    """Lay out a network on any number of devices, by the rules of `parallel.topology`.

    Raises:
      InputError: an unknown topology; a number of devices or a network that it does not allow.
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
    raise InputError(f"unknown topology {topology!r}; {choices(topology, list_topologies())}")


@dataclass(frozen=True)
class Transfer:
    """One array that crosses in every step.

    Attributes:
      layer, direction, kind: as in `communication.Crossing`.
      values: number of values of the whole array: the result of a gather on each device, the
        operand of a scatter or all-reduce there, the operand of a permutation.
      itemsize: bytes of a value.
      members: number of devices that exchange it.
      groups: number of such sets of devices, each with its own array.
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
        """Return the bytes sent by each sender.

        With g members it sends (g-1)/g of the array, 2(g-1)/g for an all-reduce, and all of it for
        a permutation.
        """
        share = (self.members - 1) / self.members
        if self.kind == "all-reduce":
            share *= 2
        elif self.kind == "collective-permute":
            share = 1.0
        return share * self.values * self.itemsize

    @property
    def bytes_per_step(self) -> float:
        """Return the bytes sent by all devices; in a permutation one of two devices sends."""
        senders = 1 if self.kind == "collective-permute" else self.members
        return self.groups * senders * self.bytes_sent


def transfers(
    architecture: Architecture, plan: Layout, batch: int, itemsize: int = 4
) -> list[Transfer]:
    """List every array that crosses in a training step of `batch` images over all devices.

    Args:
      itemsize: bytes of an activation; gradients of weights are float32.

    Raises:
      InputError: a batch that the shares do not divide.
    """
    check_divides(batch, plan.shares)
    candidates = [
        *_activations(architecture, plan, batch, itemsize),
        *_gradients(architecture, plan),
        *_metrics(plan),
    ]
    return [transfer for transfer in candidates if transfer.members > 1]


def _activations(
    architecture: Architecture, plan: Layout, batch: int, itemsize: int
) -> Iterator[Transfer]:
    """Yield the maps or images that layers read from other devices, and their gradients."""
    # Towers exchange the images of a pair, dense layers of `hybrid` those of all devices.
    images = batch if plan.gathered else batch // plan.shares
    group = (itemsize, plan.parts, plan.devices // plan.parts)
    classes = architecture.require_classes("a training step")
    for index, placed in enumerate(architecture.placed()):
        layer = placed.layer
        reads = layer.name in plan.gathered if plan.gathered else index and reads_all_maps(layer)
        if reads:
            values = images * math.prod(placed.input)
            yield Transfer(layer.name, "forward", "all-gather", values, *group)
            if layer.name in plan.split:  # else each device computes the whole input's gradient
                yield Transfer(layer.name, "backward", "reduce-scatter", values, *group)
        if isinstance(layer, LRN) and not (layer.within_tower or plan.gathered) and layer.n > 1:
            halo = images * math.prod(placed.input[:-1]) * (layer.n // 2)
            for direction in ("forward", "forward", "backward", "backward"):  # to either neighbour
                yield Transfer(layer.name, direction, "collective-permute", halo, *group)
    if architecture.classifier in plan.split:
        yield Transfer("logits", "forward", "all-gather", images * classes, *group)


def _gradients(architecture: Architecture, plan: Layout) -> Iterator[Transfer]:
    """Yield the sums of gradients over the devices that share weights but not images."""
    group = (_FLOAT32, plan.shares, plan.devices // plan.shares)
    for placed in architecture.placed():
        if placed.layer.name in plan.gathered:
            continue
        for shape in (placed.kernel, placed.bias):
            if shape is not None:
                values = math.prod(shape) // plan.parts_of(placed)
                yield Transfer(placed.layer.name, "gradient", "all-reduce", values, *group)


def _metrics(plan: Layout) -> list[Transfer]:
    """Return loss, top1 and top5, one value each; none if every device sees all images."""
    if plan.gathered:
        return []
    groups = plan.devices // plan.shares
    metric = Transfer("metrics", "forward", "all-reduce", 1, _FLOAT32, plan.shares, groups)
    return [metric] * 3
