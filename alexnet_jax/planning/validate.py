"""Comparison of the cost model with steps measured on the devices of this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jax

from alexnet_jax.display import format_milliseconds, format_table
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import topology
from alexnet_jax.planning.calibrate import link, rates, step_seconds, update_seconds
from alexnet_jax.planning.cost_model import Machine, predict
from alexnet_jax.planning.traffic import layout
from alexnet_jax.runs import TrainConfig


@dataclass(frozen=True)
class Compared:
    """Bounds of the model and measured time, in s, of a step on devices of this machine."""

    topology: str
    devices: int
    batch: int
    apart: float
    hidden: float
    measured: float


def device_rates(architecture: Architecture, config: TrainConfig, machine: Machine) -> Machine:
    """Return the machine with the rates of computing and updating measured on one device here."""
    one_device = topology("one_device", architecture)
    step = step_seconds(architecture, config, one_device)
    update = update_seconds(architecture, config, one_device)
    flops, memory = rates(architecture, config.batch, step, update)
    return dataclasses.replace(machine, flops=flops, memory=memory)


def compare_with_measured(
    architecture: Architecture,
    config: TrainConfig,
    machine: Machine,
    layouts: Iterable[tuple[str, int]],
    say: Callable[[str], None],
) -> list[Compared]:
    """Predict and measure steps with `config.batch` images on each device.

    Bandwidth and latency are measured, too. The devices of a CPU share its cores: each is assigned
    an equal part of the rates of one device.

    Args:
      machine: machine with the rates of one device.
      layouts: pairs of a topology and a number of devices.
      say: called with a message before each measurement.
    """
    compared = []
    for name, count in layouts:
        devices = jax.devices()[:count]
        batch = config.batch * count
        say(f"measuring {name} over {count} devices, batch {batch}")
        shared = count if devices[0].platform == "cpu" else 1
        bandwidth, latency = link(devices)
        here = dataclasses.replace(
            machine,
            flops=machine.flops / shared,
            memory=machine.memory / shared,
            bandwidth=bandwidth,
            latency=latency,
            algorithm="ring",
        )
        whole = dataclasses.replace(config, batch=batch, topology=name)
        itemsize = 2 if config.dtype == "bfloat16" else 4
        step = predict(architecture, layout(name, architecture, count), batch, here, itemsize)
        measured = step_seconds(architecture, whole, topology(name, architecture, devices))
        compared.append(Compared(name, count, batch, step.apart, step.hidden, measured))
    return compared


def format_comparison(found: list[Compared], on_cpu: bool) -> str:
    """Format the comparison as text."""
    lines: list[tuple[str, ...]] = [
        ("topology", "devices", "batch", "apart ms", "hidden ms", "measured ms", "to apart")
    ]
    lines += [
        (
            one.topology,
            str(one.devices),
            str(one.batch),
            *map(format_milliseconds, (one.apart, one.hidden, one.measured)),
            f"{one.measured / one.apart:.2f}",
        )
        for one in found
    ]
    note = "predicted (from the rates of one device and sums of arrays measured here), and measured"
    if on_cpu:
        note += (
            ";\nthe devices of a CPU share its cores: each is predicted with its part of the rates"
        )
    return f"{format_table(lines)}\n{note}"
