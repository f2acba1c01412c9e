"""Model of the time of a training step on many devices, from counts, not measurements.

The operations of each device and the communication follow from the table of layers by the formulas
below, which the tests compare with the compiled step. The rates are assumed, in a `Machine`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.planning.traffic import Layout, Transfer, transfers

Algorithm = Literal["ring", "halving"]

# Memory traffic of the update of a float32 weight, as the compiler counts it on a CPU. One pass
# reads weights, velocity and gradients and writes the velocity; another reads velocity and weights
# and writes the weights. A compiler that fuses the passes saves two of the seven accesses.
_UPDATE_BYTES = 7 * 4


@dataclass(frozen=True)
class Machine:
    """Assumed rates of identical devices and of the network between them.

    Attributes:
      flops: sustained rate of a device in counted operations/s, two for each multiply-add.
      memory: bytes/s that the update of the weights reads and writes.
      bandwidth: bytes/s that a device sends while it receives as many.
      latency: least time of one step of a collective, in s.
      algorithm: algorithm of collectives over g devices. "ring" takes g - 1 steps for a gather or
        scatter and twice as many for an all-reduce; "halving" (recursive halving and doubling:
        Thakur, Rabenseifner, Gropp 2005) takes log2(g) and twice that. Both send the same bytes.

    Raises:
      InputError: a rate or latency that is not positive and finite; an unknown algorithm.
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
    """Count the operations of a training step on the device with the most.

    Convolutions and dense layers count, with two operations for each multiply-add: forward and for
    the gradients of input and weights. The gradient of the images is not computed.
    """
    total = 0
    for index, placed in enumerate(architecture.placed()):
        if placed.kernel is not None:
            images = batch if placed.layer.name in plan.gathered else batch // plan.shares
            total += 2 * (3 if index else 2) * placed.macs * images // plan.parts_of(placed)
    return total


def update_bytes(architecture: Architecture, plan: Layout) -> float:
    """Return the bytes that a device reads and writes to update its part of the weights."""
    weights = sum(placed.parameters // plan.parts_of(placed) for placed in architecture.placed())
    return _UPDATE_BYTES * weights


@dataclass(frozen=True)
class Step:
    """Predicted time of a training step.

    Attributes:
      topology: name of the topology.
      devices: number of devices.
      batch: images of the step, over all devices.
      compute: s for the operations and the update.
      exchange: s for all collectives, one after the other.
      sent: bytes sent by each device, on average.
      calls: number of collectives; the sums of all gradients count as one.
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
        """Return the upper bound of the time (s): computing and exchange do not overlap."""
        return self.compute + self.exchange

    @property
    def hidden(self) -> float:
        """Return the lower bound of the time (s): computing and exchange overlap completely."""
        return max(self.compute, self.exchange)


def predict(
    architecture: Architecture, plan: Layout, batch: int, machine: Machine, itemsize: int = 4
) -> Step:
    """Predict a training step of `batch` images over all devices.

    compute  = operations / flops + update bytes / memory
    exchange = sum over calls of (bytes sent / bandwidth + steps latency)
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
    """Return (kind, members, bytes sent) of each collective; XLA combines all sums into one."""
    sums = [transfer for transfer in crossing if transfer.kind == "all-reduce"]
    calls = [(t.kind, t.members, t.bytes_sent) for t in crossing if t.kind != "all-reduce"]
    if sums:
        calls.append((sums[0].kind, sums[0].members, sum(t.bytes_sent for t in sums)))
    return calls


def _steps(kind: str, members: int, algorithm: Algorithm) -> int:
    """Return the number of steps of a collective over `members` devices."""
    if kind == "collective-permute":
        return 1
    one_way = members - 1 if algorithm == "ring" else math.ceil(math.log2(members))
    return 2 * one_way if kind == "all-reduce" else one_way
