"""Predicted weak and strong scaling: a table over numbers of devices, and its assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from alexnet_jax.display import format_milliseconds, format_table
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.planning.cost_model import Machine, Step, predict
from alexnet_jax.planning.traffic import Layout, layout, transfers

DISCLAIMER = "a simulation on paper, not a measurement"


@dataclass(frozen=True)
class Link:
    """Published nominal bandwidth of a link, per device and direction."""

    bandwidth: float  # bytes/s
    source: str


# Vendors publish no comparable latencies: the latency is a separate assumption.
LINKS = {
    "ethernet100": Link(12.5e9, "a port of 100 Gb/s: NVIDIA, ConnectX-7 user manual"),
    "ndr400": Link(50e9, "an InfiniBand NDR port of 400 Gb/s: NVIDIA, ConnectX-7 user manual"),
    "ici_v5e": Link(200e9, "400 GB/s in both directions: Google Cloud, TPU v5e"),
    "nvlink4": Link(450e9, "900 GB/s in both directions: NVIDIA, H100 data sheet"),
    "ici_v5p": Link(600e9, "1,200 GB/s in both directions: Google Cloud, TPU v5p"),
}


@dataclass(frozen=True)
class Row:
    """Predicted step on a number of devices, and its ideal time by one device.

    Attributes:
      scaling: "weak", a fixed batch for each device, or "strong", a fixed batch over all devices.
      topology: topology of the table that contains the row; a single device has none of its own.
      step: the predicted step.
      ideal: s of the step without any loss: the time of one device for the batch of a device
        (weak), or for the whole batch divided by the number of devices (strong).
      held: bytes of the whole batch's dense inputs that a device of `hybrid` stores.
    """

    scaling: str
    topology: str
    step: Step
    ideal: float
    held: float

    @property
    def efficiency(self) -> tuple[float, float]:
        """Return ideal / time without and with overlap of computing and exchange."""
        return self.ideal / self.step.apart, self.ideal / self.step.hidden

    @property
    def images_per_second(self) -> tuple[float, float]:
        """Return the rate without and with overlap of computing and exchange."""
        return self.step.batch / self.step.apart, self.step.batch / self.step.hidden

    def to_json(self) -> dict[str, Any]:
        """Return seconds, bytes and fractions; pairs of values are without and with overlap."""
        return {
            "scaling": self.scaling,
            "topology": self.topology,
            "devices": self.step.devices,
            "batch": self.step.batch,
            "compute_seconds": self.step.compute,
            "exchange_seconds": self.step.exchange,
            "bytes_sent_per_device": self.step.sent,
            "collectives": self.step.calls,
            "images_per_second": list(self.images_per_second),
            "efficiency": list(self.efficiency),
        }


def predict_scaling(
    scaling: str,
    topology: str,
    architecture: Architecture,
    counts: Iterable[int],
    batch: int,
    machine: Machine,
    itemsize: int = 4,
) -> tuple[list[Row], str]:
    """Predict the rows of a table, and return the reason if it ends before the last of `counts`.

    Args:
      scaling: "weak", where `batch` is that of each device, or "strong", where it is that of all.
      counts: numbers of devices, ascending; 1 stands for one device without a topology.

    Raises:
      InputError: a batch that the devices do not divide; a topology that the network cannot have
        on any number of devices.
    """
    one = layout("one_device", architecture, 1)
    alone = predict(architecture, one, batch, machine, itemsize).apart
    rows: list[Row] = []
    for count in counts:
        try:
            plan = layout(topology, architecture, count) if count > 1 else one
        except InputError as error:
            if len(rows) < 2:  # the topology fails on the fewest devices
                raise
            return rows, str(error)
        whole = batch * count if scaling == "weak" else batch
        step = predict(architecture, plan, whole, machine, itemsize)
        ideal = alone if scaling == "weak" else alone / count
        gathered = gathered_bytes(architecture, plan, whole, itemsize)
        rows.append(Row(scaling, topology, step, ideal, gathered))
    return rows, ""


def gathered_bytes(
    architecture: Architecture, plan: Layout, batch: int, itemsize: int = 4
) -> float:
    """Return the bytes of the whole batch's dense inputs that a device of `hybrid` stores."""
    crossing = transfers(architecture, plan, batch, itemsize) if plan.gathered else []
    return sum(
        t.values * itemsize for t in crossing if (t.kind, t.direction) == ("all-gather", "forward")
    )


_HEAD = ("devices", "batch", "compute ms", "exchange ms", "MB sent", "calls")
_BOUNDS = ("images/s: apart", "hidden", "efficiency: apart", "hidden")


def format_scaling(rows: list[Row]) -> str:
    """Format the rows as text, a line for each number of devices."""
    lines = [(*_HEAD, *_BOUNDS), *(_cells(row) for row in rows)]
    return format_table(lines)


def _cells(row: Row) -> Iterator[str]:
    step = row.step
    yield from (f"{step.devices:,}", f"{step.batch:,}", format_milliseconds(step.compute))
    yield from (format_milliseconds(step.exchange), f"{step.sent / 1e6:,.1f}", str(step.calls))
    yield from (f"{rate:,.0f}" for rate in row.images_per_second)
    yield from (f"{share:.1%}" for share in row.efficiency)


def assumptions(machine: Machine, dtype: str, sources: dict[str, str]) -> str:
    """Describe the assumptions of a table in words.

    Args:
      sources: sources of the values of `flops`, `memory` and `bandwidth`, by name of the field.
    """
    steps = "g - 1" if machine.algorithm == "ring" else "log2 g"
    lines = (
        f"computing: {machine.flops:.4g} counted operations/s on each device ({sources['flops']}), "
        "the same for any batch;",
        "  two for each multiply-add, forward and for both gradients",
        f"update of the weights: {machine.memory / 1e9:.4g} GB/s of memory ({sources['memory']})",
        f"network: each device sends {machine.bandwidth / 1e9:.4g} GB/s and receives as much, "
        f"{machine.latency * 1e6:.4g} us a step of a collective (assumed);",
        f"  bandwidth: {sources['bandwidth']}; between any two",
        f"collectives: {machine.algorithm}: {steps} steps among g devices to gather or scatter, "
        "twice as many to sum;",
        "  (g-1)/g of an array sent to gather or scatter it, 2(g-1)/g to sum; all gradients in one",
        f"arrays: activations in {dtype}, gradients of weights in float32",
        "left out: input, evaluation, saving, unequal devices, memory's limits, the dropout masks "
        "that hybrid",
        "  draws for the whole batch on every device",
        "apart: nothing overlaps; hidden: the shorter of computing and exchange hides behind the "
        "longer",
        "efficiency: above 100 % where devices also share the update, which one device does alone",
    )
    return "\n".join(f"  {line}" for line in lines)
