"""The model of a step's time: operations, update and collectives, by hand."""

import math
from typing import Any

import jax
import optax
import pytest

from alexnet_jax.errors import InputError
from alexnet_jax.network.module import init
from alexnet_jax.network.presets import architecture
from alexnet_jax.planning.cost_model import Machine, operations, predict, update_bytes
from alexnet_jax.planning.traffic import layout
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.state import optimizer

PAPER = architecture("paper")
# Multiply-adds of an image, forward (the published counts of the layers).
CONV1, CONVOLUTIONS = 105_415_200, 665_784_864
FC6_FC7, FC8 = 37_748_736 + 16_777_216, 4_096_000
TRAINING = 3 * (CONVOLUTIONS + FC6_FC7 + FC8) - CONV1


def counted(name: str, devices: int, batch: int) -> float:
    return operations(PAPER, layout(name, PAPER, devices), batch)


def test_operations() -> None:
    """Everything is divided, but a classifier whose units do not divide over hybrid's devices."""
    assert counted("one_device", 1, 128) == 2 * TRAINING * 128
    assert counted("data", 64, 128) == 2 * TRAINING * 2
    assert counted("two_towers", 2, 10) == TRAINING * 10
    assert counted("data_towers", 64, 128) == TRAINING * 4
    assert counted("hybrid", 8, 128) == 2 * TRAINING * 16
    convolutions = 3 * CONVOLUTIONS - CONV1
    assert counted("hybrid", 16, 128) == 2 * (
        convolutions * 8 + 3 * FC6_FC7 * 128 // 16 + 3 * FC8 * 128
    )


def test_update_bytes() -> None:
    """Seven passes over the float32 values that a device holds."""
    found = {
        name: update_bytes(PAPER, layout(name, PAPER, devices)) / 28
        for name, devices in (("data", 8), ("data_towers", 8), ("hybrid", 8))
    }
    dense = 37_752_832 + 16_781_312 + 4_097_000
    convolutions = 60_965_224 - dense
    expected = {"data": 60_965_224, "data_towers": 60_965_224 / 2}
    assert found == expected | {"hybrid": convolutions + dense / 8}


def test_update_bytes_as_the_compiler_counts_them() -> None:
    net = architecture("small")
    transform = optimizer(net, TrainConfig(name="update", data="", steps=1))

    def update(params: Any, state: Any, gradients: Any) -> Any:
        updates, state = transform.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    params = jax.eval_shape(lambda key: init(net, key), jax.random.key(0))
    state = jax.eval_shape(transform.init, params)
    analysis = jax.jit(update).lower(params, state, params).compile().cost_analysis()
    counted = update_bytes(net, layout("one_device", net, 1))
    assert analysis["bytes accessed"] == pytest.approx(counted, rel=1e-3)


def test_one_device() -> None:
    """4.14 GFLOP an image, and the update."""
    step = predict(PAPER, layout("one_device", PAPER, 1), 128, Machine(flops=1e12, memory=1e10))
    assert step.compute == pytest.approx(128 * 4.13561e-3 + 60_965_224 * 28 / 1e10, rel=1e-5)
    assert (step.exchange, step.sent, step.calls) == (0, 0, 0)
    assert step.apart == step.hidden == step.compute


@pytest.mark.parametrize(("algorithm", "steps"), [("ring", 2 * 63), ("halving", 2 * 6)])
def test_data(algorithm: Any, steps: int) -> None:
    """One sum of all gradients, and of three numbers."""
    machine = Machine(bandwidth=2e9, latency=3e-6, algorithm=algorithm)
    step = predict(PAPER, layout("data", PAPER, 64), 640, machine)
    sent = 2 * 63 / 64 * 4 * (60_965_224 + 3)
    assert step.sent == pytest.approx(sent)
    assert step.exchange == pytest.approx(sent / 2e9 + steps * 3e-6)
    assert step.calls == 1
    assert step.apart == step.compute + step.exchange
    assert step.hidden == step.exchange > step.compute


@pytest.mark.parametrize(("algorithm", "one_way"), [("ring", 15), ("halving", 4)])
def test_hybrid(algorithm: Any, one_way: int) -> None:
    """Three gathers, two scatters, and one sum of the convolutions' gradients."""
    machine = Machine(bandwidth=2e9, latency=1.0, algorithm=algorithm)
    step = predict(PAPER, layout("hybrid", PAPER, 16), 32, machine)
    assert math.floor(step.exchange) == 5 * one_way + 2 * one_way
    gathered = 32 * (2 * (9216 + 4096) + 4096)
    assert step.sent == 15 / 16 * 4 * (gathered + 2 * 2_334_080)
    assert step.calls == 6


@pytest.mark.parametrize(("algorithm", "sum_steps"), [("ring", 6), ("halving", 4)])
def test_data_towers(algorithm: Any, sum_steps: int) -> None:
    """A step for each crossing of a pair, and the sum over four pairs."""
    machine = Machine(bandwidth=1e30, latency=1.0, algorithm=algorithm)
    step = predict(PAPER, layout("data_towers", PAPER, 8), 32, machine)
    assert step.exchange == pytest.approx(5 + 4 + 8 + sum_steps)
    assert step.calls == 18


def test_compute_hides_a_shorter_exchange() -> None:
    step = predict(PAPER, layout("data", PAPER, 2), 256, Machine(flops=1e9))
    assert step.hidden == step.compute > step.exchange > 0


@pytest.mark.parametrize("name", ["flops", "memory", "bandwidth", "latency"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_machine_that_cannot_be(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} must be > 0 and finite, got {value}"):
        Machine(**{name: value})


def test_unknown_algorithm() -> None:
    with pytest.raises(InputError, match="one of ring, halving, got 'tree'"):
        Machine(algorithm="tree")  # type: ignore[arg-type]
