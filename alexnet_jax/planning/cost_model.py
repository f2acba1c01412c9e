"""A model on paper of a training step's time on many devices: counts, not measurements.

What each device computes and what crosses follow from the table of layers, by the formulas below;
tests hold them against the compiled step. How fast that goes is assumed, in a `Machine`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.planning.traffic import Layout, Transfer, transfers

Algorithm = Literal["ring", "halving"]

# The update by the compiler's account on a CPU, in float32: weights, velocity and gradients are
# read and the velocity is written; it is read again with the weights, and they are written. A
# compiler that fuses the two saves two of the seven.
_UPDATE_BYTES = 7 * 4


@dataclass(frozen=True)
class Machine:
    """What is assumed of the devices and of the network between them; all alike.

    Attributes:
      flops: counted operations (two for each multiply-add) a device does in a second, sustained.
      memory: bytes/s that the update of the weights reads and writes.
      bandwidth: bytes/s that a device sends while it receives as many.
      latency: s that one step of a collective takes, however few its bytes.
      algorithm: of collectives over g devices. "ring" takes g - 1 steps for a gather or scatter,
        twice as many for an all-reduce; "halving" (recursive halving and doubling: Thakur,
        Rabenseifner, Gropp 2005) log2(g) and twice that. Both send the same bytes.

    Raises:
      InputError: a value that is not above 0 and finite; an unknown algorithm.
    """

    flops: float = 1e14
    memory: float = 2e12
    bandwidth: float = 50e9
    latency: float = 5e-6
    algorithm: Algorithm = "ring"

    def __post_init__(self) -> None:
        for name in ("flops", "memory", "bandwidth", "latency"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be > 0 and finite, got {getattr(self, name)}")
        if self.algorithm not in get_args(Algorithm):
            allowed = ", ".join(get_args(Algorithm))
            raise InputError(f"algorithm must be one of {allowed}, got {self.algorithm!r}")


def operations(architecture: Architecture, plan: Layout, batch: int) -> float:
    """Operations of the fullest device in a step: two for each multiply-add of convolutions and
    dense layers, forward and for both gradients; no gradient of the images themselves."""
    total = 0
    for index, placed in enumerate(architecture.placed()):
        if placed.kernel is not None:
            macs = math.prod(placed.kernel[:-1]) * math.prod(placed.output)
            images = batch if placed.layer.name in plan.gathered else batch // plan.shares
            total += 2 * (3 if index else 2) * macs * images // plan.parts_of(placed)
    return total


def update_bytes(architecture: Architecture, plan: Layout) -> float:
    """Bytes that a device's memory moves to update the weights it holds."""
    held = sum(
        (math.prod(placed.kernel) + placed.kernel[-1]) // plan.parts_of(placed)
        for placed in architecture.placed()
        if placed.kernel is not None
    )
    return _UPDATE_BYTES * held


@dataclass(frozen=True)
class Step:
    """The time of a step on paper.

    Attributes:
      compute: s of operations and of the update.
      exchange: s of all collectives, one after the other.
      sent: bytes from each device, on average.
      calls: collectives of the program; those that sum gradients are one.
    """

    topology: str
    devices: int
    batch: int
    compute: float
    exchange: float
    sent: float
    calls: int

    @property
    def apart(self) -> float:
        """s where nothing overlaps: the upper bound."""
        return self.compute + self.exchange

    @property
    def hidden(self) -> float:
        """s where all of the shorter part hides behind the longer: the lower bound."""
        return max(self.compute, self.exchange)


def predict(
    architecture: Architecture, plan: Layout, batch: int, machine: Machine, itemsize: int = 4
) -> Step:
    """A step of `batch` images over all devices.

    compute  = operations / flops + update bytes / memory
    exchange = sum over calls of bytes sent / bandwidth + steps latency
    """
    crossing = transfers(architecture, plan, batch, itemsize)
    calls = _calls(crossing)
    exchange = sum(
        sent / machine.bandwidth + _steps(kind, members, machine.algorithm) * machine.latency
        for kind, members, sent in calls
    )
    return Step(
        plan.topology,
        plan.devices,
        batch,
        compute=operations(architecture, plan, batch) / machine.flops
        + update_bytes(architecture, plan) / machine.memory,
        exchange=exchange,
        sent=sum(transfer.bytes_per_step for transfer in crossing) / plan.devices,
        calls=len(calls),
    )


def _calls(crossing: list[Transfer]) -> list[tuple[str, int, float]]:
    """(kind, members, bytes sent) of each collective; XLA combines all that sum over one group."""
    sums = [transfer for transfer in crossing if transfer.kind == "all-reduce"]
    calls = [(t.kind, t.members, t.bytes_sent) for t in crossing if t.kind != "all-reduce"]
    if sums:
        calls.append((sums[0].kind, sums[0].members, sum(t.bytes_sent for t in sums)))
    return calls


def _steps(kind: str, members: int, algorithm: Algorithm) -> int:
    if kind == "collective-permute":
        return 1
    one_way = members - 1 if algorithm == "ring" else math.ceil(math.log2(members))
    return 2 * one_way if kind == "all-reduce" else one_way
