"""What a config adds to the plain step: parts of a batch, averaged weights, shared views."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from helpers.reference import assert_close, float64
from helpers.runs import CONFIG, NARROW, STATISTICS, Stop, StoppingConsole, lines_of, make_batch

from alexnet_jax import ops
from alexnet_jax.data.augment import Statistics
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import ViewRule
from alexnet_jax.network.presets import PresetName, architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training import accumulation
from alexnet_jax.training import loop as fit_module
from alexnet_jax.training import step as train_module
from alexnet_jax.training.accumulation import mean_over_parts, parts_in_caches
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.loop import fit
from alexnet_jax.training.state import TrainState, init_state
from alexnet_jax.training.step import example_keys, make_train_step

MOVING = dataclasses.replace(CONFIG, mirror=True, colour_noise=0.1)


def network(**rule: Any) -> Architecture:
    return dataclasses.replace(architecture("small", layers=NARROW), views=ViewRule(**rule))


def states(
    config: TrainConfig, net: Architecture, count: int, make: Any = compiled.make_train_step
) -> list[tuple[TrainState, Any]]:
    """(state, metrics) on the host after each of `count` updates."""
    place = topology("one_device", net)
    state = compiled.init_state(net, config, place)
    step = make(net, config, place, 100.0)
    found = []
    for number in range(count):
        state, metrics = step(state, place.place(make_batch(number)), place.place(STATISTICS))
        kept = state._replace(key=jax.random.key_data(state.key))
        found.append(jax.device_get((kept, metrics)))
    return found


def test_parts_of_a_batch_add_up_to_it() -> None:
    """Three updates with dropout, crops, mirrors and noise: one batch, or parts of it."""
    with jax.enable_x64(True):
        config = dataclasses.replace(MOVING, dtype="float64")
        net = network(share=3)
        whole = states(config, net, 3)
        split = states(dataclasses.replace(config, accumulate=4), net, 3)
        for (one, seen), (other, also) in zip(whole, split, strict=True):
            for name in ("loss", "top1", "top5", "learning_rate"):
                assert_close(also[name], seen[name], 1e-12)
            jax.tree.map(lambda a, b: assert_close(a, b, 1e-12), other.params, one.params)
            jax.tree.map(lambda a, b: assert_close(a, b, 1e-11), other.opt_state, one.opt_state)


def test_parts_are_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[tuple[int, ...]] = []

    def counted(*arguments: Any, **more: Any) -> jax.Array:
        traced.append(arguments[2].shape)
        return forward(*arguments, **more)

    monkeypatch.setattr(train_module, "forward", counted)
    states(dataclasses.replace(CONFIG, accumulate=4), network(), 3, make_train_step)
    # For the shapes of the sums, and for the program.
    assert traced == [(2, 28, 28, 1)] * 2


def test_parts_that_a_cpu_chooses_add_up_to_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for two images, with accumulation in two parts: four parts of two images."""
    chosen = []

    def with_parts(gradients: Any, parts: int, sums: object) -> Any:
        chosen.append(parts)
        return mean_over_parts(gradients, parts, sums)

    monkeypatch.setattr(train_module, "mean_over_parts", with_parts)
    with jax.enable_x64(True):
        config = dataclasses.replace(MOVING, dtype="float64", accumulate=2)
        net = network()
        (whole, seen), *_ = states(config, net, 1, make_train_step)
        outputs = sum(math.prod(layer.output) for layer in net.placed())
        assert sum(layer.parameters for layer in net.placed()) < 2 * outputs
        monkeypatch.setattr(accumulation, "_CACHED", 8 * outputs)
        (split, also), *_ = states(config, net, 1, make_train_step)
        assert chosen == [2, 4]
        assert_close(also["loss"], seen["loss"], 1e-12)
        jax.tree.map(lambda a, b: assert_close(a, b, 1e-12), split.params, whole.params)


@pytest.mark.parametrize(
    ("preset", "images", "parts"),
    [
        ("small", 128, 1),
        ("small", 512, 4),
        ("tiny", 128, 2),
        ("cifar_80sec", 128, 1),
        ("cifar_80sec", 500, 4),
        ("small", 257, 1),  # a prime number
        ("paper", 128, 1),  # 244 MB of weights
    ],
)
def test_parts_in_caches(preset: PresetName, images: int, parts: int) -> None:
    assert parts_in_caches(architecture(preset), images) == parts


def test_several_devices_compute_no_more_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part would need its own exchange."""
    chosen = []
    monkeypatch.setattr(
        train_module, "mean_over_parts", lambda *arguments: chosen.append(arguments[1])
    )
    monkeypatch.setattr(train_module, "parts_in_caches", lambda *_: 4)
    for name in ("one_device", "two_towers", "data"):
        train_module.make_batch_gradients(network(), CONFIG, topology(name, network()))
    assert chosen == [4]


def test_average_of_the_weights() -> None:
    """The mean of the first 1 / (1 - decay) weights, exponential from then on."""
    found = states(dataclasses.replace(CONFIG, ema=0.75), network(), 7)
    average: Any = None
    for count, (state, _) in enumerate(found, 1):
        weights = jax.tree.map(float64, state.params)
        if count <= 4:
            seen = [jax.tree.map(float64, earlier.params) for earlier, _ in found[:count]]
            average = jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *seen)
        else:
            average = jax.tree.map(lambda old, new: 0.75 * old + 0.25 * new, average, weights)
        jax.tree.map(lambda a, b: assert_close(a, b, 1e-6), state.average, average)
        chex.assert_trees_all_equal(state.tested, state.average)
    plain = states(CONFIG, network(), 7)
    chex.assert_trees_all_equal(plain[-1][0].params, found[-1][0].params)
    assert plain[-1][0].average is None


def test_average_is_kept_evaluated_and_resumed(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, ema=0.75, steps=6)
    fit(config, tmp_path / "whole", PlainConsole())
    with pytest.raises(Stop):
        fit(config, tmp_path / "stopped", StoppingConsole(5))
    fit(config, tmp_path / "stopped", PlainConsole())
    whole, resumed = (load_trained(tmp_path / name) for name in ("whole", "stopped"))
    chex.assert_trees_all_equal(whole.params, resumed.params)

    fit(dataclasses.replace(config, ema=0.0), tmp_path / "plain", PlainConsole())
    plain = load_trained(tmp_path / "plain")
    gaps = jax.tree.map(lambda a, b: float(jnp.max(jnp.abs(a - b))), whole.params, plain.params)
    assert min(jax.tree.leaves(gaps)) > 0
    for name, want in (("whole", whole), ("plain", plain)):
        lines = [line for line in lines_of(tmp_path / name) if line.get("split") == "test"]
        job = fit_module.Job.make(config)
        logits = want.logits()(want.params, job.dataset.test.images, want.statistics)
        loss = jnp.mean(ops.cross_entropy(logits, job.dataset.test.labels))
        assert lines[-1]["loss"] == pytest.approx(float(loss), rel=1e-5)
    done = [lines_of(tmp_path / name)[-1]["params_sha256"] for name in ("whole", "plain")]
    assert done[0] == done[1]  # of the weights that are trained, which averaging leaves alone


COLOUR = Statistics(
    np.random.default_rng(0).uniform(0, 255, (32, 32, 1)).astype(np.float32),
    np.ones((1, 1), np.float32),
    np.full(1, 50, np.float32),
)


def views_by_hand(key: jax.Array, batch: dict[str, np.ndarray], share: int) -> np.ndarray:
    """Section 5 of the source's data provider, an image at a time, on the step's own draws."""
    keys, seen = example_keys(key, jnp.int32(0), batch["index"]), []
    mean = np.asarray(COLOUR.mean, np.float64)[2:30, 2:30]
    for index, image in enumerate(batch["image"].astype(np.float64)):
        own, first = (jax.random.fold_in(keys[i], 0) for i in (index, index // share * share))
        place, mirror, _ = jax.random.split(first, 3)
        top, left = np.asarray(jax.random.randint(place, (2,), 0, 5, jnp.int32))
        crop = image[top : top + 28, left : left + 28]
        if jax.random.uniform(mirror, (), jnp.float32) < 0.5:
            crop = crop[:, ::-1]
        drawn = float(jax.random.normal(jax.random.split(own, 3)[2], (1,), jnp.float32)[0])
        seen.append((crop - mean + 0.1 * drawn * 50) / 1.1 / 128)
    return np.stack(seen)


@pytest.mark.parametrize("share", [pytest.param(1, marks=pytest.mark.exhaustive), 3, 32])
def test_views_of_2012(share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One crop and mirror for consecutive images, noise of each image's own, division by 1.1."""
    seen: list[np.ndarray] = []

    def watched(*arguments: Any, **more: Any) -> jax.Array:
        jax.debug.callback(lambda views: seen.append(np.asarray(views)), arguments[2])
        return forward(*arguments, **more)

    monkeypatch.setattr(train_module, "forward", watched)
    with jax.enable_x64(True):
        config = dataclasses.replace(MOVING, dtype="float64")
        net = network(share=share, attenuate=True)
        place = topology("one_device", net)
        state = init_state(net, config, place)
        want = views_by_hand(state.key, make_batch(0), share)
        step = make_train_step(net, config, place, 100.0)
        jax.block_until_ready(step(state, make_batch(0), COLOUR))
        jax.effects_barrier()
    assert_close(seen[0], want, 1e-6)


def test_the_source_asks_for_its_views() -> None:
    rules = {name: architecture(name).views for name in ("paper", "source2012", "owt")}
    assert rules["source2012"] == ViewRule(share=32, attenuate=True)
    assert rules["paper"] == rules["owt"] == ViewRule()
    old = network(share=32).to_json()
    del old["views"]
    assert Architecture.from_json(old).views == ViewRule()
