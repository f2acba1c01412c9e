"""The paper's update, with rates and decays by layer, against float64 NumPy."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers.reference import assert_close, draw

from alexnet_jax.network import presets
from alexnet_jax.network.architecture import BiasRule
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.optim import paper_sgd, velocity
from alexnet_jax.training.step import optimizer

SHAPES = {"conv1": {"kernel": (2, 3, 4), "bias": (4,)}, "fc8": {"kernel": (4, 5), "bias": (5,)}}
STEPS, DROP = 30, 15
RATES = np.where(np.arange(STEPS) < DROP, 0.1, 0.01)
RULES = [(1.0, True), (2.0, True), (2.0, False)]
every_rule = pytest.mark.parametrize(("bias_rate", "bias_decay"), RULES)
Tree = dict[str, dict[str, Any]]


def drawn(seed: int) -> Tree:
    """A tree of SHAPES with standard normal values."""
    return {
        layer: {name: draw(*shape, seed=seed) for name, shape in leaves.items()}
        for layer, leaves in SHAPES.items()
    }


def papers_lines(
    rates: Sequence[float] | np.ndarray,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    bias_rate: float = 1.0,
    bias_decay: bool = True,
) -> tuple[Tree, Tree]:
    """(w, v) after an update for each rate: v <- m v - d r w - r g; w <- w + v."""
    w, v = drawn(0), jax.tree.map(np.zeros_like, drawn(0))
    for step, base in enumerate(rates):
        g = drawn(step + 1)
        for layer, leaves in SHAPES.items():
            for name in leaves:
                rate = base * (bias_rate if name == "bias" else 1.0)
                decay = 0.0 if name == "bias" and not bias_decay else weight_decay
                v[layer][name] = (
                    momentum * v[layer][name]
                    - decay * rate * w[layer][name]
                    - rate * g[layer][name]
                )
                w[layer][name] = w[layer][name] + v[layer][name]
    return w, v


def updated(
    tx: optax.GradientTransformation,
    steps: int,
    dtype: str = "float64",
    before: Callable[[Any, int], Any] = lambda state, _: state,
) -> tuple[Tree, Any]:
    """(parameters, optimizer state) after `steps` updates; `before` may change the state."""
    params = jax.tree.map(lambda x: jnp.asarray(x, dtype), drawn(0))
    state = tx.init(params)
    update = jax.jit(tx.update)
    for step in range(steps):
        grads = jax.tree.map(lambda x: jnp.asarray(x, dtype), drawn(step + 1))
        updates, state = update(grads, before(state, step), params)
        params = optax.apply_updates(params, updates)
    return params, state


def assert_trees_close(got: Tree, want: Tree, tolerance: float) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert_close(ours, theirs, tolerance)


def drop_schedule(count: jax.Array) -> jax.Array:
    return jnp.where(count < DROP, 0.1, 0.01)


@every_rule
def test_schedule_follows_the_papers_lines(bias_rate: float, bias_decay: bool) -> None:
    """A decay of .1 rather than .0005, so that every term counts."""
    rule = {"bias_rate": bias_rate, "bias_decay": bias_decay}
    want_w, want_v = papers_lines(RATES, 0.8, 0.1, **rule)
    with jax.enable_x64(True):
        params, state = updated(paper_sgd(drop_schedule, 0.8, 0.1, **rule), STEPS)
    assert_trees_close(params, want_w, 1e-13)
    assert_trees_close(velocity(state), want_v, 1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])
@every_rule
def test_rate_set_by_the_training_step(
    bias_rate: float, bias_decay: bool, dtype: str, tolerance: float
) -> None:
    """As the step does: the rate is a number in the state, and the preset has the bias rule."""
    architecture = dataclasses.replace(
        presets.architecture("small"), biases=BiasRule(bias_rate, bias_decay)
    )
    config = TrainConfig(
        name="t", data="d", steps=1, dtype=dtype, learning_rate=0.1, momentum=0.8, weight_decay=0.1
    )

    def with_rate(state: Any, step: int) -> Any:
        rate = jnp.asarray(RATES[step], dtype)
        return state._replace(hyperparams={**state.hyperparams, "learning_rate": rate})

    want_w, want_v = papers_lines(RATES, 0.8, 0.1, bias_rate, bias_decay)
    with jax.enable_x64(dtype == "float64"):
        params, state = updated(optimizer(architecture, config), STEPS, dtype, with_rate)
    assert_trees_close(params, want_w, tolerance)
    assert_trees_close(velocity(state), want_v, tolerance)
    assert {leaf.dtype for leaf in jax.tree.leaves(velocity(state))} == {jnp.dtype(dtype)}


def test_default_constants_are_the_papers() -> None:
    """Momentum .9, decay .0005 of all leaves, one rate for all."""
    with jax.enable_x64(True):
        params, _ = updated(paper_sgd(0.1), 5)
    assert_trees_close(params, papers_lines([0.1] * 5)[0], 1e-14)


def test_velocity_starts_at_zero_and_the_first_update_has_no_momentum() -> None:
    with jax.enable_x64(True):
        _, start = updated(paper_sgd(0.1), 0)
        _, state = updated(paper_sgd(0.1, weight_decay=0.0), 1)
    assert_trees_close(velocity(start), jax.tree.map(np.zeros_like, drawn(0)), 0.0)
    assert_trees_close(velocity(state), jax.tree.map(lambda g: -0.1 * g, drawn(1)), 1e-15)


def test_optax_sgd_parts_at_the_drop_by_the_rescaled_velocity() -> None:
    """optax.sgd divides the old velocity v by 10 too: it lags by .9 v - .9 v / 10 = .81 v."""
    with jax.enable_x64(True):
        sgd = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(drop_schedule, 0.9))
        ours = [updated(paper_sgd(drop_schedule, 0.9, 0.1), n)[0] for n in (DROP, DROP + 1)]
        theirs = [updated(sgd, n)[0] for n in (DROP, DROP + 1)]
    _, v = papers_lines(RATES[:DROP], 0.9, 0.1)
    assert_trees_close(ours[0], theirs[0], 1e-13)
    parted = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), ours[1], theirs[1])
    assert_trees_close(parted, jax.tree.map(lambda x: 0.81 * x, v), 1e-12)


@every_rule
def test_the_rate_outside_is_optax_sgd_across_the_drop(bias_rate: float, bias_decay: bool) -> None:
    """m <- .8 m + g + .1 w, w <- w - lr m, in NumPy, and by optax.sgd where biases are no case of
    their own."""
    rule = {"bias_rate": bias_rate, "bias_decay": bias_decay}
    w, m = drawn(0), jax.tree.map(np.zeros_like, drawn(0))
    for step in range(STEPS):
        for layer, leaves in drawn(step + 1).items():
            for name, g in leaves.items():
                bias = name == "bias"
                decay = 0.1 * w[layer][name] if bias_decay or not bias else 0.0
                m[layer][name] = 0.8 * m[layer][name] + (bias_rate if bias else 1) * (g + decay)
                w[layer][name] = w[layer][name] - RATES[step] * m[layer][name]
    with jax.enable_x64(True):
        params, state = updated(
            paper_sgd(drop_schedule, 0.8, 0.1, **rule, rate_inside=False), STEPS
        )
        sgd = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(drop_schedule, 0.8))
        theirs, _ = updated(sgd, STEPS)
    assert_trees_close(params, w, 1e-13)
    assert_trees_close(velocity(state), m, 1e-13)
    if rule == {"bias_rate": 1.0, "bias_decay": True}:
        assert_trees_close(params, theirs, 1e-13)


def test_rate_zero_coasts_on_the_velocity_and_nothing_else() -> None:
    """w + v (.9 + .9^2 + .9^3): neither gradients nor decay act."""
    w, v = papers_lines([0.1] * 4, weight_decay=0.1)
    with jax.enable_x64(True):
        schedule = lambda count: jnp.where(count < 4, 0.1, 0.0)  # noqa: E731
        params, _ = updated(paper_sgd(schedule, weight_decay=0.1), 7)
    coasted = jax.tree.map(lambda w, v: w + v * (0.9 + 0.81 + 0.729), w, v)
    assert_trees_close(params, coasted, 1e-13)


def test_rates_by_layer_follow_the_papers_lines() -> None:
    """Each layer as if the whole network had its rate, biases and decay included."""
    rule: dict[str, Any] = {"bias_rate": 2.0, "bias_decay": False}
    with jax.enable_x64(True):
        tx = paper_sgd(drop_schedule, 0.8, 0.1, **rule, layer_rates={"fc8": 10.0})
        params, state = updated(tx, STEPS)
    for layer, factor in (("conv1", 1.0), ("fc8", 10.0)):
        want_w, want_v = papers_lines(factor * RATES, 0.8, 0.1, **rule)
        assert_trees_close(params[layer], want_w[layer], 1e-12)
        assert_trees_close(velocity(state)[layer], want_v[layer], 1e-12)


@pytest.mark.parametrize("bias_decay", [True, False])
def test_decays_by_layer_follow_the_papers_lines(bias_decay: bool) -> None:
    """Each layer as if the whole network had its decay; a decay of 0 is none."""
    rule: dict[str, Any] = {"bias_rate": 2.0, "bias_decay": bias_decay}
    for own in (0.5, 0.0):
        with jax.enable_x64(True):
            tx = paper_sgd(drop_schedule, 0.8, 0.1, **rule, layer_decays={"fc8": own})
            params, state = updated(tx, STEPS)
        for layer, decay in (("conv1", 0.1), ("fc8", own)):
            want_w, want_v = papers_lines(RATES, 0.8, decay, **rule)
            assert_trees_close(params[layer], want_w[layer], 1e-12)
            assert_trees_close(velocity(state)[layer], want_v[layer], 1e-12)
