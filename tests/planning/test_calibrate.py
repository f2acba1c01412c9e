"""Rates of this machine, and the model beside them. Speeds themselves are never asserted."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Conv, Dense, MaxPool
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning import calibrate, validate
from alexnet_jax.planning.cost_model import Machine, operations, predict, update_bytes
from alexnet_jax.planning.traffic import layout
from alexnet_jax.planning.validate import (
    Compared,
    compare_with_measured,
    device_rates,
    format_comparison,
)
from alexnet_jax.runs.config import TrainConfig

# Little to compile.
TINY = Architecture(
    name="tiny",
    image_size=8,
    channels=1,
    classes=4,
    layers=(Conv("conv1", 4, kernel=3), MaxPool("pool1"), Dense("fc2", 4, activation="linear")),
    towers=1,
)
CONFIG = TrainConfig(name="scaling", data="none", steps=1, preset="small", batch=8)


def test_median() -> None:
    """The middle of the times; what compiles comes before."""
    ticks: Iterator[float] = iter([0.0, 5.0, 10.0, 11.0, 20.0, 23.0])
    calls = []

    def call() -> jax.Array:
        calls.append(1)
        return jnp.zeros(())

    assert calibrate.median_seconds(call, 3, lambda: next(ticks)) == 3
    assert len(calls) == 4


def test_rates_give_back_the_times() -> None:
    flops, memory = calibrate.rates(TINY, 8, step=0.5, update=0.1)
    plan = layout("one_device", TINY, 1)
    assert flops == operations(TINY, plan, 8) / 0.4
    assert memory == update_bytes(TINY, plan) / 0.1
    machine = Machine(flops=flops, memory=memory)
    assert predict(TINY, plan, 8, machine).apart == pytest.approx(0.5)


def test_an_update_that_seems_longer_than_the_step() -> None:
    flops, _ = calibrate.rates(TINY, 8, step=0.5, update=0.6)
    assert flops == operations(TINY, layout("one_device", TINY, 1), 8) / 0.05


def test_measured_on_one_device() -> None:
    """Steps and updates run, and what they give is a machine."""
    found = device_rates(TINY, CONFIG, Machine())
    assert found.flops != Machine().flops
    assert found.memory != Machine().memory
    assert found.bandwidth == Machine().bandwidth


def test_link() -> None:
    bandwidth, latency = calibrate.link(jax.devices()[:2])
    Machine(bandwidth=bandwidth, latency=latency)


def test_step_on_several_devices() -> None:
    place = topology("data", TINY, jax.devices()[:2])
    assert calibrate.step_seconds(TINY, CONFIG, place) > 0


def test_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each device of a CPU has its part of the rates; the links are those measured."""
    steps: list[tuple[str, int, int]] = []

    def took(_: Any, config: TrainConfig, place: Any) -> float:
        steps.append((place.name, place.mesh.size, config.batch))
        return 0.25

    monkeypatch.setattr(validate, "step_seconds", took)
    monkeypatch.setattr(validate, "link", lambda devices: (1e9 * len(devices), 2e-6))
    said: list[str] = []
    machine = Machine(flops=8e9, memory=4e9)
    found = compare_with_measured(TINY, CONFIG, machine, [("data", 2), ("hybrid", 4)], said.append)
    assert steps == [("data", 2, 16), ("hybrid", 4, 32)]
    assert [text.split()[1] for text in said] == ["data", "hybrid"]
    fourth = Machine(flops=2e9, memory=1e9, bandwidth=4e9, latency=2e-6)
    step = predict(TINY, layout("hybrid", TINY, 4), 32, fourth)
    assert found[1] == Compared("hybrid", 4, 32, step.apart, step.hidden, 0.25)


def test_table() -> None:
    found = [Compared("data", 2, 16, apart=0.2, hidden=0.1, measured=0.3)]
    text = format_comparison(found, on_cpu=True)
    row = text.splitlines()[2].split()
    assert row == ["data", "2", "16", "200", "100", "300", "1.50"]
    assert "share its cores" in text
    assert "share its cores" not in format_comparison(found, on_cpu=False)
