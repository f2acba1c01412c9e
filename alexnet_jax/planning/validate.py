"""Predictions of `planning.cost_model` beside what the devices of this machine do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jax

from alexnet_jax.display import aligned, milliseconds
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import topology
from alexnet_jax.planning.calibrate import link, rates, step_seconds, update_seconds
from alexnet_jax.planning.cost_model import Machine, predict
from alexnet_jax.planning.traffic import layout
from alexnet_jax.runs import TrainConfig


@dataclass(frozen=True)
class Compared:
    """A step on some of this machine's devices: s by the model's two bounds, and s it took."""

    topology: str
    devices: int
    batch: int
    apart: float
    hidden: float
    measured: float


def device_rates(architecture: Architecture, config: TrainConfig, machine: Machine) -> Machine:
    """The machine with the rates of computing and updating that one device here reaches."""
    place = topology("one_device", architecture)
    step = step_seconds(architecture, config, place)
    update = update_seconds(architecture, config, place)
    flops, memory = rates(architecture, config.batch, step, update)
    return dataclasses.replace(machine, flops=flops, memory=memory)


def compare(
    architecture: Architecture,
    config: TrainConfig,
    machine: Machine,
    asked: Iterable[tuple[str, int]],
    say: Callable[[str], None],
) -> list[Compared]:
    """Steps of `config.batch` images on each device, for every (topology, number of devices).

    Bandwidth and latency are measured too. The devices of a CPU are its cores under many names:
    each is given its part of the rates of one.

    Args:
      machine: with the rates of one device.
      say: told what is measured next.
    """
    found = []
    for name, count in asked:
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
        took = step_seconds(architecture, whole, topology(name, architecture, devices))
        found.append(Compared(name, count, batch, step.apart, step.hidden, took))
    return found


def format_comparison(found: list[Compared], on_cpu: bool) -> str:
    """The comparison as text."""
    lines: list[tuple[str, ...]] = [
        ("topology", "devices", "batch", "apart ms", "hidden ms", "measured ms", "to apart")
    ]
    lines += [
        (
            one.topology,
            str(one.devices),
            str(one.batch),
            *map(milliseconds, (one.apart, one.hidden, one.measured)),
            f"{one.measured / one.apart:.2f}",
        )
        for one in found
    ]
    note = "predicted (from the rates of one device and sums of arrays measured here), and measured"
    if on_cpu:
        note += (
            ";\nthe devices of a CPU share its cores: each is predicted with its part of the rates"
        )
    return f"{aligned(lines)}\n{note}"
