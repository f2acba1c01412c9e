"""LARS, warm-up and the quadratic schedule, against float64 NumPy; on every topology; resumed."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers.reference import assert_close, draw
from helpers.scripts import SPEED, measurements
from helpers.scripts import train as train_script
from helpers.spread import LARGE, LARS, assert_same, network, spread_over, trained

from alexnet_jax import InputError
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.workdir import open_workdir
from alexnet_jax.training.optim import lars, velocity
from alexnet_jax.training.schedule import learning_rate_at
from alexnet_jax.training.state import TrainState

SHAPES = {
    "conv1": {"kernel": (2, 3, 4), "bias": (4,)},
    "fc8": {"kernel": (4, 5), "bias": (5,)},
    "zero": {"kernel": (3, 2), "bias": (2,)},
}
RATES = [4.0, 8.0, 8.0, 2.0, 0.5]

Tree = dict[str, dict[str, Any]]


def drawn(seed: int, scale: float = 1.0) -> Tree:
    """Values of SHAPES; at the start biases, and one kernel, are 0."""
    return {
        layer: {
            name: scale * draw(*shape, seed=seed) if seed or (name, layer) == ("kernel", "conv1")
            or (name, layer) == ("kernel", "fc8") else np.zeros(shape)
            for name, shape in leaves.items()
        }
        for layer, leaves in SHAPES.items()
    }  # fmt: skip


def algorithm(trust: float, decay: float, momentum: float, bias_scale: float) -> tuple[Tree, Tree]:
    """(w, v) after an update for each of RATES: algorithm 1 of the 2017 paper, leaf by leaf."""
    w, v = drawn(0), jax.tree.map(np.zeros_like, drawn(0))
    for step, rate in enumerate(RATES):
        g = drawn(step + 1)
        for layer, leaves in SHAPES.items():
            for name in leaves:
                if name == "bias":
                    move = rate * bias_scale * g[layer][name]
                else:
                    size, slope = (np.sqrt((x[layer][name] ** 2).sum()) for x in (w, g))
                    local = trust * (size / (slope + decay * size) if size > 0 else 1.0)
                    move = rate * local * (g[layer][name] + decay * w[layer][name])
                v[layer][name] = momentum * v[layer][name] - move
                w[layer][name] = w[layer][name] + v[layer][name]
    return w, v


def updated(tx: optax.GradientTransformation, dtype: str, steps: int) -> tuple[Tree, Any]:
    params = jax.tree.map(lambda x: jnp.asarray(x, dtype), drawn(0))
    state = tx.init(params)
    update = jax.jit(tx.update)
    for step in range(steps):
        grads = jax.tree.map(lambda x: jnp.asarray(x, dtype), drawn(step + 1))
        updates, state = update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params, state


def rate_of(count: jax.Array) -> jax.Array:
    return jnp.asarray(RATES)[count]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_updates_are_the_algorithm_s(dtype: str, tolerance: float) -> None:
    """A decay of .1 rather than .0005, so that every term counts."""
    want_w, want_v = algorithm(0.02, 0.1, 0.8, 0.01)
    with jax.enable_x64(dtype == "float64"):
        params, state = updated(lars(rate_of, 0.8, 0.1, 0.02, 0.01), dtype, len(RATES))
    for got, want in ((params, want_w), (velocity(state), want_v)):
        for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            assert ours.dtype == dtype
            assert_close(ours, theirs, tolerance)


def test_a_first_update_is_in_proportion_to_the_weights() -> None:
    """|dw| = lr trust |w| whatever the gradient's size, but for decay; zero biases move by their
    own small rate, where optax.lars takes the whole one."""
    with jax.enable_x64(True):
        ours, _ = updated(lars(10.0, weight_decay=0.0), "float64", 1)
        theirs, _ = updated(optax.lars(10.0), "float64", 1)
    start, slope = drawn(0), drawn(1)
    moved = np.asarray(ours["fc8"]["kernel"]) - start["fc8"]["kernel"]
    assert np.linalg.norm(moved) == pytest.approx(0.01 * np.linalg.norm(start["fc8"]["kernel"]))
    assert_close(ours["fc8"]["bias"], -0.01 * slope["fc8"]["bias"], 1e-12)
    assert_close(theirs["fc8"]["bias"], -10.0 * slope["fc8"]["bias"], 1e-12)
    assert_close(ours["zero"]["kernel"], -0.01 * slope["zero"]["kernel"], 1e-12)


def test_a_layer_without_gradient_and_weights_stays() -> None:
    """No division by nothing."""
    params = {"fc8": {"kernel": jnp.zeros((2, 2)), "bias": jnp.zeros(2)}}
    updates, _ = lars(10.0).update(params, lars(10.0).init(params), params)
    assert all(not np.any(np.asarray(leaf)) for leaf in jax.tree.leaves(updates))


def rates(steps: int, spe: float, **settings: Any) -> np.ndarray:
    config = TrainConfig(name="t", data="d", steps=steps, **settings)
    at = jax.jit(jax.vmap(lambda step: learning_rate_at(config, step, jnp.int32(1), spe)))
    return np.asarray(at(jnp.arange(steps, dtype=jnp.int32)), np.float64)


def test_quadratic_schedule_after_warm_up() -> None:
    """2.3 epochs of 4.4 updates are 11 of warm-up; the last update's rate is not 0."""
    found = rates(40, 4.4, learning_rate=10.0, schedule="quadratic", warmup_epochs=2.3)
    t = np.arange(40.0)
    want = np.where(t < 11, 10 * (t + 1) / 11, 10 * ((40 - t) / (40 - 11)) ** 2)
    # In float32, where 1 - 28 / 29 is rounded, and then squared.
    np.testing.assert_allclose(found, want, rtol=3e-6)
    assert found[0] == pytest.approx(10 / 11)
    assert found.max() == pytest.approx(10.0)
    assert found[-1] == pytest.approx(10 / 29**2, rel=3e-6)


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({"schedule": "constant"}, lambda t: t * 0 + 1),
        ({"schedule": "plateau"}, lambda t: t * 0 + 0.1),  # one drop
        ({"schedule": "epochs", "drop_epochs": (2.0,)}, lambda t: np.where(t < 20, 1, 0.1)),
    ],
)
def test_warm_up_before_any_schedule(settings: dict[str, Any], share: Any) -> None:
    t = np.arange(30.0)
    found = rates(30, 10.0, learning_rate=0.5, warmup_epochs=0.5, **settings)
    np.testing.assert_allclose(found, 0.5 * np.minimum(1, (t + 1) / 5) * share(t), rtol=1e-6)


def test_a_short_trial_is_all_warm_up() -> None:
    found = rates(2, 10.0, learning_rate=1.0, schedule="quadratic", warmup_epochs=1.0)
    np.testing.assert_allclose(found, [0.1, 0.2], rtol=1e-6)


@pytest.fixture(scope="module")
def alone() -> tuple[TrainState, Any]:
    """Three updates on one device in float64: the state, and the losses."""
    with jax.enable_x64(True):
        net = network(8)
        return trained(spread_over("one_device", 1, net), net, LARS)


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("data_towers", 8),
        pytest.param("hybrid", 4, marks=pytest.mark.slow),
        # The two halves of the first.
        pytest.param("two_towers", 2, marks=pytest.mark.exhaustive),
        pytest.param("data", 2, marks=pytest.mark.exhaustive),
    ],
)
def test_norms_are_of_whole_layers_on_every_topology(
    name: str, devices: int, alone: tuple[TrainState, Any]
) -> None:
    """Three updates in float64: the same weights as on one device, to 1e-10."""
    with jax.enable_x64(True):
        net = network(8)
        found, spread = trained(spread_over(name, devices, net), net, LARS)
        np.testing.assert_allclose(spread, alone[1], rtol=1e-10)
        assert_same(found, alone[0])
        assert float(found.opt_state.hyperparams["learning_rate"]) > 0


def test_a_run_goes_on_exactly(tmp_path: Path) -> None:
    """From the checkpoint of step 3 of 6, through warm-up: the parameters of one that went on."""
    changes = ("evaluate_every=3", "checkpoint_every=3", "schedule=quadratic", "drop_epochs=",
               *(f"{name}={value}" for name, value in LARGE.items()))  # fmt: skip
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert train_script(whole, 6, changes=changes).status == 0
    shutil.copytree(whole, cut)
    shutil.rmtree(cut / "checkpoints" / "6")
    result = train_script(cut, 6, changes=changes)
    assert (result.status, result.lines[0]) == (0, "resumed at step 3")
    lines = [
        [{k: v for k, v in line.items() if k not in SPEED} for line in measurements(run)]
        for run in (whole, cut)
    ]
    assert lines[0] == lines[1]
    more = train_script(whole, 7, changes=changes)
    assert more.status == 2
    assert "steps: 6, now 7" in more.err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (LARGE | {"rate_inside": False}, "LARS has its rate inside the velocity"),
        (LARGE | {"layer_rates": {"fc8": 2.0}}, "LARS sets every layer's rate itself"),
        (LARGE | {"layer_decays": {"fc8": 0.0}}, "LARS has one weight_decay"),
        ({"trust": 0.001}, r"trust 0.001 with bias_learning_rate 0: LARS takes both above 0"),
        ({"bias_learning_rate": 0.1}, "the paper's update neither"),
        ({"trust": -1.0}, r"trust must lie in \[0, inf\)"),
        ({"trust": float("nan")}, r"trust must lie in \[0, inf\)"),
        ({"trust": True}, "trust must be float"),
        ({"bias_learning_rate": float("inf")}, r"bias_learning_rate must lie in \[0, inf\)"),
        ({"warmup_epochs": -0.5}, r"warmup_epochs must lie in \[0, inf\)"),
        (
            {"trust": 0.001, "bias_learning_rate": 0.1, "learning_rate": 0.0},
            "learning_rate above 0",
        ),
        ({"schedule": "quadratic", "drop_epochs": (1.0,)}, "only it takes them"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        TrainConfig(name="t", data="d", steps=1, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("steps", [4, 6])
def test_other_steps_make_another_run_where_rates_depend_on_them(
    steps: int, tmp_path: Path
) -> None:
    config = TrainConfig(name="t", data="d", steps=5, schedule="quadratic")
    other = dataclasses.replace(config, steps=steps)
    assert config.differences(other) == [f"steps: 5, now {steps}"]
    open_workdir(tmp_path / "run", config, "same", fresh=False)
    with pytest.raises(InputError, match=f"other settings: steps: 5, now {steps}; use another"):
        open_workdir(tmp_path / "run", other, "same", fresh=False)
    constant = dataclasses.replace(config, schedule="constant")
    assert constant.differences(dataclasses.replace(constant, steps=6)) == []


def test_norms_of_many_float32_values_are_exact_enough() -> None:
    """Sixteen million small weights: a running sum in float32 would stop growing."""
    w = np.random.default_rng(0).normal(0, 0.01, (4096, 4096)).astype(np.float32)
    g = np.full_like(w, 1e-4)
    tx = lars(1.0, weight_decay=0.0, trust=1.0)
    tree = {"fc7": {"kernel": jnp.asarray(w)}}
    updates, _ = jax.jit(tx.update)({"fc7": {"kernel": jnp.asarray(g)}}, tx.init(tree), tree)
    want = np.linalg.norm(w.astype(np.float64)) / np.linalg.norm(g.astype(np.float64)) * 1e-4
    assert float(-updates["fc7"]["kernel"][0, 0]) == pytest.approx(want, rel=1e-5)
