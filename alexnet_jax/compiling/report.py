"""Report of a compiled program: memory, collectives, estimated time, and what looks wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexnet_jax.compiling.checks import SERIOUS, Finding, check
from alexnet_jax.compiling.costs import Cost, costs
from alexnet_jax.compiling.program import Memory, Mode, Program
from alexnet_jax.compiling.schedule import Part, schedule
from alexnet_jax.compiling.targets import Target
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.planning import Crossing, parse_module, read_crossings
from alexnet_jax.runs import TrainConfig

# Promised of every report in JSON.
KEYS = (
    "target", "devices", "topology", "preset", "batch", "dtype", "mode", "fits", "temp_bytes",
    "argument_bytes", "flops", "bytes_accessed", "estimated_cycles", "estimated_ms",
    "images_per_second", "collectives", "warnings",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """Report on a step on a target, from the text of its compiled program.

    Attributes:
      target: the machine, such as "v5e:2x4".
      devices: number of devices in use.
      memory: what each of them holds.
      device_memory: bytes that each of them has.
      flops: operations of a device, two for each multiply-add: the compiler's count, or where it
        has none, those of the products in its text.
      bytes_accessed: bytes of memory that a device reads and writes, likewise.
      found: kernels with their estimated time, in the order in which they run.
      exchange: estimated s of the collectives during which nothing is computed.
      collectives: what crosses between the devices.
      warnings: what looks wrong, the serious first.
      kernels: number of calls of kernels written by hand.
    """

    target: Target
    devices: int
    topology: str
    preset: str
    batch: int
    dtype: str
    mode: Mode
    memory: Memory
    device_memory: float
    flops: float
    bytes_accessed: float
    found: tuple[Cost, ...]
    exchange: float
    collectives: tuple[Crossing, ...]
    warnings: tuple[Finding, ...]
    kernels: int

    @property
    def fits(self) -> bool:
        """Whether a device's memory holds the program."""
        return self.memory.total <= self.device_memory

    @property
    def cycles(self) -> int | None:
        """Sum of the compiler's estimates, or None where it gives none."""
        estimated = [cost.cycles for cost in self.found if cost.cycles is not None]
        return sum(estimated) if estimated else None

    @property
    def compute(self) -> float:
        """Estimated s of all kernels, one after the other."""
        return sum(cost.seconds for cost in self.found)

    @property
    def seconds(self) -> float:
        """Estimated s of a step: kernels, and collectives that hide behind none."""
        return self.compute + self.exchange

    @property
    def images_per_second(self) -> float:
        """Estimated rate of all devices together."""
        return self.batch / self.seconds

    @property
    def serious(self) -> tuple[Finding, ...]:
        """Warnings of what makes the program unusable on an accelerator."""
        return tuple(one for one in self.warnings if one.kind in SERIOUS)

    def by_layer(self) -> dict[tuple[str, Part], float]:
        """Return the estimated s by layer and part, the largest first."""
        sums: defaultdict[tuple[str, Part], float] = defaultdict(float)
        for cost in self.found:
            sums[cost.kernel.layer, cost.kernel.part] += cost.seconds
        return dict(sorted(sums.items(), key=lambda one: -one[1]))

    def dearest(self, count: int = 10) -> list[Cost]:
        """Return the kernels that take most of the time."""
        return sorted(self.found, key=lambda cost: -cost.seconds)[:count]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON: all KEYS, and more."""
        return {
            "target": self.target.name,
            "devices": self.devices,
            "topology": self.topology,
            "preset": self.preset,
            "batch": self.batch,
            "dtype": self.dtype,
            "mode": self.mode,
            "fits": self.fits,
            "temp_bytes": self.memory.temporaries,
            "argument_bytes": self.memory.arguments,
            "total_bytes": self.memory.total,
            "device_bytes": self.device_memory,
            "flops": self.flops,
            "bytes_accessed": self.bytes_accessed,
            "estimated_cycles": self.cycles,
            "estimated_ms": 1e3 * self.seconds,
            "exchange_ms": 1e3 * self.exchange,
            "images_per_second": self.images_per_second,
            "kernels": self.kernels,
            "layers": [
                {"layer": layer, "part": part, "ms": 1e3 * seconds}
                for (layer, part), seconds in self.by_layer().items()
            ],
            "dearest": [_kernel(cost) for cost in self.dearest()],
            "collectives": [_collective(one) for one in self.collectives],
            "warnings": [one.to_json() for one in self.warnings],
        }


def unfit_json(
    target: Target, topology: Topology, config: TrainConfig, mode: Mode, message: str
) -> dict[str, Any]:
    """Return the JSON of a program that no device can hold: what is unknown is None."""
    known = {
        "target": target.name,
        "devices": topology.mesh.size,
        "topology": topology.name,
        "preset": config.preset,
        "batch": config.batch,
        "dtype": config.dtype,
        "mode": mode,
        "fits": False,
        "collectives": [],
        "warnings": [Finding("does not fit", "program", 1, 0.0, message).to_json()],
    }
    return dict.fromkeys(KEYS) | known


def _kernel(cost: Cost) -> dict[str, Any]:
    kernel = cost.kernel
    return {
        "layer": kernel.layer,
        "part": kernel.part,
        "operation": kernel.what,
        "kind": kernel.instruction.kind,
        "runs": kernel.runs,
        "cycles": cost.cycles,
        "ms": 1e3 * cost.seconds,
    }


def _collective(one: Crossing) -> dict[str, Any]:
    return {**one.to_json(), "dtype": one.dtype, "asynchronous": one.asynchronous}


def make_report(
    program: Program,
    target: Target,
    architecture: Architecture,
    config: TrainConfig,
    topology: Topology,
    mode: Mode,
) -> Report:
    """Read a compiled program."""
    module, training = parse_module(program.text), mode == "train"
    layers = [layer.name for layer in architecture.layers] + ["logits"]
    scheduled = schedule(module, layers, training)
    found = costs(module, scheduled, target.chip)
    crossing = read_crossings(program.text, architecture, config.batch, topology)
    images = (config.batch // topology.shares, config.batch)
    counted = program.flops, program.bytes_accessed
    return Report(
        target,
        topology.mesh.size,
        topology.name,
        architecture.name,
        config.batch,
        config.dtype,
        mode,
        program.memory,
        target.chip.memory,
        counted[0] or sum(cost.operations for cost in found),
        counted[1] or sum(cost.bytes for cost in found),
        tuple(found),
        _exchange(crossing, topology.mesh.size, target.chip.link),
        tuple(crossing),
        tuple(check(module, scheduled, images, config.dtype)),
        program.kernels,
    )


def _exchange(crossing: Sequence[Crossing], devices: int, link: float) -> float:
    """Return the s of all collectives during which a device computes nothing, by bandwidth."""
    return sum(
        one.bytes_per_step / (devices * one.sending) / link
        for one in crossing
        if not one.asynchronous
    )
