"""Runs that go wrong are stopped with a name, and their last good state stays as it was."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import make_train_step
from helpers.runs import CONFIG

from alexnet_jax import InputError
from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.training import loop as fit_module
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.health import Losses, chance_loss, nonfinite_paths
from alexnet_jax.training.loop import fit
from alexnet_jax.training.optim import velocity

LONG = dataclasses.replace(CONFIG, steps=12, log_every=5, evaluate_every=100, checkpoint_every=4)


def test_loss_of_chance_is_the_entropy_of_the_labels() -> None:
    assert chance_loss(np.arange(1000)) == pytest.approx(np.log(1000))
    assert chance_loss(np.array([0, 0, 0, 5])) == pytest.approx(
        0.75 * np.log(4 / 3) + np.log(4) / 4
    )
    assert chance_loss(np.array([3, 3])) == 0.0


def test_leaves_that_are_not_finite_are_named_in_order() -> None:
    tree = {"b": {"x": jnp.array([1.0, np.inf])}, "a": jnp.array(np.nan), "n": jnp.int32(3)}
    assert nonfinite_paths(tree) == ["a", "b/x"]
    assert nonfinite_paths(jax.tree.map(jnp.zeros_like, tree)) == []
    assert nonfinite_paths({"whole": jnp.int32(1)}) == []


def test_the_first_loss_that_is_no_number_is_found_at_the_next_look() -> None:
    losses = Losses(1.0, 0, 10)
    for loss in (0.5, 2.0):
        assert not losses.add(loss)
    assert losses.check() is None
    for loss in (0.5, np.inf, np.nan):
        losses.add(loss)
    assert losses.check() == (14, np.inf)
    assert losses.check() is None  # seen, and let go


def test_it_is_time_to_look_before_too_many_are_held() -> None:
    losses = Losses(1.0, 0, 0)
    asked = [losses.add(0.5) for _ in range(500)]
    assert asked == [False] * 499 + [True]


@pytest.mark.parametrize(
    ("means", "flat_steps", "flat"),
    [
        ([1.0, 1.0, 1.0], 30, True),
        ([1.0, 1.0, 0.995], 30, True),
        ([1.0, 1.0, 1.0], 31, False),
        ([1.0, 1.0, 1.0], 0, False),
        ([1.0, 0.98, 1.0], 30, False),
        ([0.98, 1.0, 1.0], 20, True),
        ([9.0, 9.0, 9.0], 30, True),  # worse than chance is no better
    ],
)
def test_flat_is_no_mean_below_chance(means: list[float], flat_steps: int, flat: bool) -> None:
    """Each mean is that of ten steps between two looks."""
    losses = Losses(1.0, flat_steps, 100)
    for mean in means:
        assert losses.flat is None
        for sign in (-1, 1) * 5:
            losses.add(mean + sign * 0.3)
        assert losses.check() is None
    assert (losses.flat is not None) == flat


def poisoned(
    monkeypatch: pytest.MonkeyPatch, poison: Callable[[int, Any, Any], tuple[Any, Any]]
) -> None:
    """Lets a fault into the training step: poison(step, state, metrics) after every update."""

    def make(*arguments: Any) -> Any:
        step = make_train_step(*arguments)

        def advance(state: Any, batch: Any, statistics: Any) -> Any:
            return poison(int(state.step) + 1, *step(state, batch, statistics))

        return advance

    monkeypatch.setattr(fit_module, "make_train_step", make)


def spoilt(tree: Any, *names: str) -> Any:
    """The tree with a NaN in one place of each of the named leaves."""

    def spoil(path: Any, leaf: jax.Array) -> jax.Array:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        spot = (0,) * leaf.ndim
        return leaf.at[spot].set(jnp.nan) if name.endswith(names) else leaf

    return jax.tree_util.tree_map_with_path(spoil, tree)


def stopped(config: Any, workdir: Path) -> str:
    with pytest.raises(InputError) as caught:
        fit(config, workdir, PlainConsole())
    message = str(caught.value)
    assert "\n" not in message
    return message


def steps_saved(workdir: Path) -> list[int]:
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        return checkpoints.steps


def lines_of(workdir: Path) -> list[Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    text = (workdir / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


@pytest.mark.parametrize(("at", "good"), [(7, 4), (2, 0), (8, 4)], ids=["seen", "first", "saving"])
def test_gradients_that_are_no_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, good: int
) -> None:
    """The layer nearest the loss is named, whether the next loss shows it or it is to be saved."""

    def poison(step: int, state: Any, metrics: Any) -> Any:
        if step == at:
            names = ("conv1/kernel", "conv4/bias")
            bad = spoilt(velocity(state.opt_state), *names)
            state = state._replace(
                params=spoilt(state.params, *names),
                opt_state=jax.tree_util.tree_map_with_path(
                    lambda path, leaf: (
                        spoilt({"x": leaf}, "x")["x"]
                        if jax.tree_util.keystr(path, simple=True, separator="/").endswith(names)
                        else leaf
                    ),
                    state.opt_state,
                ),
            )
            assert nonfinite_paths(bad) == ["conv1/kernel", "conv4/bias"]
        return state, metrics

    poisoned(monkeypatch, poison)
    message = stopped(LONG, tmp_path)
    what = f"the state after step {at} is" if at == 8 else f"the loss of step {at + 1} is nan"
    assert message.startswith(what)
    assert f"first to be no number was the gradient of conv4/bias at step {at}." in message
    assert f"The state of step {good} is good" in message
    assert "learning_rate" in message
    assert steps_saved(tmp_path) == [good] * (good > 0)
    assert [line["step"] for line in lines_of(tmp_path)] == [1, 5] * (at > 5) or [1] * (at == 2)


def test_parameters_that_are_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(step: int, state: Any, metrics: Any) -> Any:
        if step == 6:
            state = state._replace(params=spoilt(state.params, "fc6/kernel"))
        return state, metrics

    poisoned(monkeypatch, poison)
    assert "was the parameters fc6/kernel after step 6." in stopped(LONG, tmp_path)


@pytest.mark.parametrize(
    ("part", "first"),
    [("params", "the parameters fc6/kernel"), ("average", "the average of fc6/kernel")],
)
def test_no_part_of_a_state_that_is_no_number_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, first: str
) -> None:
    """Of the step that is to be saved, whose loss was still a number."""

    def poison(step: int, state: Any, metrics: Any) -> Any:
        if step == 8:
            state = state._replace(**{part: spoilt(getattr(state, part), "fc6/kernel")})
        return state, metrics

    poisoned(monkeypatch, poison)
    message = stopped(dataclasses.replace(LONG, ema=0.75), tmp_path)
    assert message.startswith("the state after step 8 is not finite")
    assert f"first to be no number was {first} after step 8." in message
    assert steps_saved(tmp_path) == [4]


def test_a_fault_that_does_not_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that failed once: the run says that it cannot be found, and goes on when asked to."""
    times = []

    def poison(step: int, state: Any, metrics: Any) -> Any:
        if step == 6 and not times:
            times.append(step)
            state = state._replace(params=spoilt(state.params, "fc6/kernel"))
        return state, metrics

    poisoned(monkeypatch, poison)
    message = stopped(LONG, tmp_path)
    assert "no number was nothing: steps up to 7, done again, went well" in message
    fit(LONG, tmp_path, PlainConsole())
    assert lines_of(tmp_path)[-1]["event"] == "done"


def test_a_rate_that_is_too_large(tmp_path: Path) -> None:
    """The real thing: weights grow until the forward pass, then all of them, are no numbers."""
    message = stopped(dataclasses.replace(LONG, learning_rate=1e12, steps=50), tmp_path)
    assert "is nan. The first to be no number was the output of" in message
    assert "in the forward pass of step" in message


def test_a_flat_loss_is_stopped_and_saved(tmp_path: Path) -> None:
    """And resumes from there if that is what is wanted."""
    config = dataclasses.replace(
        CONFIG, learning_rate=1e-9, log_every=2, flat_steps=4, evaluate_every=100
    )
    message = stopped(config, tmp_path)
    assert message.startswith("stopped at step 4: for 4 steps the loss has not been below 99%")
    for remedy in ("init=source2012", "learning_rate", "pixel_scale", "labels", "flat_steps=0"):
        assert remedy in message
    assert steps_saved(tmp_path)[-1] == 4
    fit(dataclasses.replace(config, flat_steps=0), tmp_path, PlainConsole())
    assert lines_of(tmp_path)[-1]["event"] == "done"
