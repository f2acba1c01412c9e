"""The training step against NumPy, and a whole run: learning, stopping, going on."""

import dataclasses
import re
import signal
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, reference
from helpers.reference import assert_close
from helpers.runs import (
    CONFIG,
    FULL,
    NARROW,
    STATISTICS,
    Stop,
    StoppingConsole,
    lines_of,
    make_batch,
    numpy_gradients,
    without_times,
)

from alexnet_jax.data.augment import Statistics
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.training import loop as fit_module
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.loop import fit
from alexnet_jax.training.optim import velocity
from alexnet_jax.training.state import init_state
from alexnet_jax.training.step import make_train_step


@pytest.mark.slow
def test_three_steps_match_numpy() -> None:
    """Loss, velocity and weights of three updates in float64, with the rate dropping between:
    the paper's two lines on hand-derived gradients."""
    with jax.enable_x64(True):
        config = dataclasses.replace(CONFIG, dtype="float64")
        net = architecture("small", layers=NARROW)
        place = topology("one_device", net)
        state = init_state(net, config, place)
        step = make_train_step(net, config, place, steps_per_epoch=100.0)
        weights = jax.tree.map(reference.float64, state.params)
        speed = jax.tree.map(np.zeros_like, weights)
        for count, rate in enumerate((0.05, 0.05, 0.005)):
            batch = make_batch(count)
            plateau = state.plateau._replace(drops=jnp.int32(0 if rate == 0.05 else 1))
            state = state._replace(plateau=plateau)
            grads, loss = numpy_gradients(net, state.params, state.key, count, batch)
            state, metrics = step(state, batch, STATISTICS)
            rate = float(np.float32(0.05) * np.float32(0.1) ** (rate != 0.05))
            speed = jax.tree.map(
                lambda v, w, g, rate=rate: 0.9 * v - 0.0005 * rate * w - rate * g,
                speed, weights, grads,
            )  # fmt: skip
            weights = jax.tree.map(np.add, weights, speed)
            assert_close(metrics["loss"], loss, 1e-11)
            jax.tree.map(lambda a, b: assert_close(a, b, 1e-9), velocity(state.opt_state), speed)
            jax.tree.map(lambda a, b: assert_close(a, b, 1e-11), state.params, weights)


@pytest.mark.skipif(jax.__version_info__ < (0, 12), reason="jax then copied them all the same")
def test_no_weights_are_copied() -> None:
    """They are updated where they lie; biases, which are small, may be copied."""
    net = architecture("small", layers=NARROW)
    place = topology("one_device", net)
    step = make_train_step(net, CONFIG, place, steps_per_epoch=100.0)
    state = init_state(net, CONFIG, place)
    program = step.lower(state, place.place(make_batch(0)), place.place(STATISTICS))  # type: ignore[attr-defined]
    text = program.compile().as_text()
    assert "state_params__conv2____kernel__" in text
    assert re.findall(r"copy\(%?(state_params\w*kernel\w*)", text) == []


def test_step_keeps_float32_and_counts() -> None:
    """State goes in and out alike, so the step is traced once; draws differ from step to step, and
    at a rate of zero nothing else does."""
    net = architecture("small", layers=NARROW)
    place = topology("one_device", net)
    for dtype in ("float32", "bfloat16"):
        config = dataclasses.replace(CONFIG, dtype=dtype, learning_rate=0.0)  # type: ignore[arg-type]
        state = init_state(net, config, place)
        before = jax.tree.map(jax.typeof, state)
        step = make_train_step(net, config, place, steps_per_epoch=100.0)
        losses = []
        for _ in range(3):
            state, metrics = step(state, place.place(make_batch(0)), place.place(STATISTICS))
            losses.append(float(metrics["loss"]))
        after = jax.tree.map(jax.typeof, state)
        assert before == after
        assert step._cache_size() == 1  # type: ignore[attr-defined]
        assert int(state.step) == 3
        assert len(set(losses)) == 3
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(state.params))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from start to end."""
    workdir = tmp_path_factory.mktemp("whole")
    fit(CONFIG, workdir, PlainConsole())
    return workdir


@pytest.mark.optimized
def test_metrics_of_a_run(whole: Path) -> None:
    lines = lines_of(whole)
    train = [line["step"] for line in lines if line.get("split") == "train"]
    test = [line["step"] for line in lines if line.get("split") == "test"]
    assert (train, test) == ([1, 4, 8, 9], [3, 6, 9])
    assert lines[-1]["event"] == "done"
    assert lines[-1]["step"] == 9
    assert len(lines[-1]["params_sha256"]) == 64


@pytest.mark.optimized
@pytest.mark.parametrize("at", [1, 5, 9])
def test_crashed_run_goes_on_bit_for_bit(whole: Path, tmp_path: Path, at: int) -> None:
    """Stopped between two steps without warning, a run ends as if it had not been."""
    with pytest.raises(Stop):
        fit(CONFIG, tmp_path, StoppingConsole(at))
    fit(CONFIG, tmp_path, PlainConsole())
    assert without_times(lines_of(tmp_path)) == without_times(lines_of(whole))


class LateSignal(PlainConsole):
    """Sends SIGTERM to this process when the last evaluation is shown, after the last update."""

    def test(self, step: int, metrics: dict[str, float]) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_after_the_last_update_is_told(tmp_path: Path) -> None:
    """The run is finished all the same."""
    config = dataclasses.replace(CONFIG, steps=3)
    assert fit(config, tmp_path, LateSignal()) is signal.SIGTERM
    assert lines_of(tmp_path)[-1]["event"] == "done"
    assert fit(config, tmp_path, PlainConsole()) is None


def test_lines_after_the_last_checkpoint_are_made_again(tmp_path: Path) -> None:
    """Each once, where a run crashed after it had measured more than it had saved."""
    config = dataclasses.replace(CONFIG, steps=6, log_every=1)
    with pytest.raises(Stop):
        fit(config, tmp_path, StoppingConsole(6))
    assert [line["step"] for line in lines_of(tmp_path)][-1] == 5
    saved = max(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
    assert saved < 5
    fit(config, tmp_path, PlainConsole())
    trained = [line["step"] for line in lines_of(tmp_path) if line.get("split") == "train"]
    assert trained == [1, 2, 3, 4, 5, 6]


def test_learning_rate_falls_on_the_plateau(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a rate too small to learn, the second evaluation stalls and the rate drops by ten;
    the step is still traced once, over evaluations, saves and the drop."""
    made: list[Any] = []

    def counted(*arguments: Any) -> Any:
        made.append(make_train_step(*arguments))
        return made[-1]

    monkeypatch.setattr(fit_module, "make_train_step", counted)
    config = dataclasses.replace(CONFIG, learning_rate=1e-9, log_every=1)
    fit(config, tmp_path, PlainConsole())
    train = [line for line in lines_of(tmp_path) if line.get("split") == "train"]
    rates = [line["learning_rate"] for line in train]
    np.testing.assert_allclose(rates, [1e-9] * 6 + [1e-10] * 3, rtol=1e-5)
    assert [step._cache_size() for step in made] == [1]


def test_optimizer_state_holds_velocity_of_every_parameter() -> None:
    net = architecture("small", layers=NARROW)
    state = compiled.init_state(net, CONFIG, topology("one_device", net))
    chex.assert_trees_all_equal_shapes_and_dtypes(velocity(state.opt_state), state.params)
    assert float(optax.tree.get(state.opt_state, "learning_rate")) == pytest.approx(0.05)


@pytest.mark.slow
@pytest.mark.optimized
def test_full_size_network_trains_three_steps() -> None:
    """The paper's network on 256x256 colour images, batch 2: finite, and every layer moves."""
    net = architecture("paper")
    place = topology("one_device", net)
    state = init_state(net, FULL, place)
    step = make_train_step(net, FULL, place, steps_per_epoch=100.0)
    random = np.random.default_rng(0)
    statistics = Statistics(
        np.full((256, 256, 3), 120, np.float32), np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    )
    first = jax.device_get(state.params)
    for _ in range(3):
        batch = {
            "image": random.integers(0, 256, (2, 256, 256, 3)).astype(np.uint8),
            "label": random.integers(0, 1000, 2).astype(np.int32),
            "index": np.arange(2, dtype=np.int32),
        }
        state, metrics = step(state, batch, statistics)
        assert np.isfinite(metrics["loss"])
    for old, new in zip(jax.tree.leaves(first), jax.tree.leaves(state.params), strict=True):
        assert np.all(np.isfinite(new))
        assert not np.array_equal(old, new)
