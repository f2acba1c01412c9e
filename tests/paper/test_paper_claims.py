"""The claims of the paper as experiments: scales, variants, what is trained, and measures."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from alexnet_jax.cli.configs import load_config
from alexnet_jax.errors import InputError, InUse, TrainingFailed
from alexnet_jax.network import Weighted, presets
from alexnet_jax.paper import CLAIMS, catalogue, runs
from alexnet_jax.paper.claims import PLAIN, Claim, Variant
from alexnet_jax.paper.measures import updates_to_start, updates_to_threshold
from alexnet_jax.paper.runs import Plan, variants_of
from alexnet_jax.paper.scales import CIFAR, FULL, SCALES, Scale
from alexnet_jax.runs.config import TrainConfig

SCRIPTS = Path(__file__).parents[2] / "experiments" / "paper"


def claim(**changes: object) -> Claim:
    fields = {"name": "c", "says": "s", "paper": "p", "source": "q", "ours": PLAIN}
    fields |= {"other": Variant("other", {"batch": "32"}), "expected": 1.0}
    return Claim(**{**fields, **changes})  # type: ignore[arg-type]


def test_every_claim_has_a_module_and_a_script() -> None:
    """Of its name; a script runs its own claim."""
    modules = Path(catalogue.__file__).parent.glob("[a-z]*.py")
    assert list(CLAIMS) == sorted(path.stem for path in modules)
    scripts = {path.stem: path.read_text() for path in SCRIPTS.glob("[a-z]*.py")}
    assert set(scripts) == {"run", *CLAIMS}
    assert all(f'run_claim("{name}")' in scripts[name] for name in CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("scale", SCALES)
def test_every_claim_compares_two_networks_that_can_be_made(name: str, scale: Scale) -> None:
    found = CLAIMS[name]
    assert found.name == name
    for variant in (found.ours, found.other):
        config = variant.config(scale, {"batch": "16"}, 3)
        assert (config.seed, config.batch) == (3, 16)
        presets.architecture(
            config.preset, image_size=config.image_size or None, layers=config.layers
        )
    same = found.ours.at(scale) == found.other.at(scale)
    assert same == (found.ours.measure != found.other.measure)


@pytest.mark.parametrize("scale", SCALES)
def test_names_stand_for_one_variant(scale: Scale) -> None:
    found = variants_of(list(CLAIMS.values()), scale)
    names = [variant.run(scale) for variant in found]
    assert len(set(names)) == len(names) == 17
    assert "plain" in names


@pytest.mark.parametrize("name", CLAIMS)
def test_the_two_sides_are_called_differently(name: str) -> None:
    assert CLAIMS[name].ours.label != CLAIMS[name].other.label


def test_the_narrow_network_begins_as_the_papers() -> None:
    """A unit's sum over inputs of one size has the same spread, std sqrt(fan-in), in each layer of
    both networks, and the same bias; fan-ins are those of the kernels."""
    sums = {}
    for preset, size, layers in (("source2012", None, {}), ("small", 28, CIFAR.layers)):
        network = presets.architecture(
            presets.preset_name(preset), image_size=size, channels=3, layers=layers
        )
        sums[preset] = {
            placed.layer.name: (
                placed.layer.std * math.prod(placed.kernel[:-1]) ** 0.5,
                placed.layer.bias,
            )
            for placed in network.placed()
            if placed.kernel and isinstance(placed.layer, Weighted) and placed.layer.std
        }
    assert sums["small"].keys() == sums["source2012"].keys()
    for name, (spread, bias) in sums["source2012"].items():
        assert sums["small"][name] == (pytest.approx(spread, rel=1e-3), bias)


def test_the_quick_scale_needs_no_data_and_four_updates() -> None:
    for variant in variants_of(list(CLAIMS.values()), "quick"):
        config = variant.config("quick", {}, 0)
        assert (config.steps, config.data[:10], config.data_dir) == (4, "thumbnails", "")


def test_the_full_scale_is_the_config_for_imagenet() -> None:
    config = load_config("imagenet_source2012")
    assert dataclasses.replace(FULL, name=config.name) == config


def test_a_name_for_two_variants_is_refused() -> None:
    twice = claim(ours=Variant("other", {"batch": "64"}))
    with pytest.raises(InputError, match="two different variants are called other"):
        variants_of([twice], "cifar")


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, TrainConfig]]:
    """(workdir, config) of the trainings that are called for, which train nothing and all end."""
    ended: list[tuple[str, TrainConfig]] = []

    def fit(config: TrainConfig, directory: Path, _: object) -> None:
        ended.append((directory.relative_to(tmp_path).as_posix(), config))

    monkeypatch.setattr(runs, "fit", fit)
    monkeypatch.setattr(
        runs, "finished", lambda path, _: path.relative_to(tmp_path).as_posix() in dict(ended)
    )
    monkeypatch.setattr(runs, "last_error", lambda _: 0.0)
    return ended


def test_what_a_variant_starts_from_is_trained_before_it(
    tmp_path: Path, trained: list[tuple[str, TrainConfig]]
) -> None:
    """Of the same seed, on its own data; the comparison's other side starts from nothing."""
    found = CLAIMS["sixth_convolution"]
    runs.train_all([found], Plan("cifar", (0, 7), tmp_path), None, lambda _: None)
    assert [(place, config.data, config.start_from) for place, config in trained] == [
        row
        for seed in (0, 7)
        for row in (
            (f"more_classes/{seed}", "tiny_imagenet_32", ""),
            (f"conv6_after_more/{seed}", "cifar10", f"{tmp_path}/more_classes/{seed}"),
            (f"plain/{seed}", "cifar10", ""),
        )
    ]


def test_runs_of_other_processes_are_left_to_them(
    tmp_path: Path, trained: list[tuple[str, TrainConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are passed over, with what starts from them, and waited for at the end; a run that is
    let go of is taken over."""
    held, said = {"more_classes/0", "plain/1"}, list[str]()
    fit = runs.fit

    def fit_unless_held(config: TrainConfig, directory: Path, console: Any) -> None:
        if directory.relative_to(tmp_path).as_posix() in held:
            raise InUse(f"{directory} is in use")
        fit(config, directory, console)

    def sleep(_: float) -> None:
        said.append("slept")
        if held == {"plain/1"}:
            held.clear()  # the other process was stopped
        held.discard("more_classes/0")
        trained.append(("more_classes/0", PLAIN.config("cifar", {}, 0)))  # ended there

    monkeypatch.setattr(runs, "fit", fit_unless_held)
    monkeypatch.setattr(runs.time, "sleep", sleep)
    plan = Plan("cifar", (0, 1), tmp_path)
    runs.train_all([CLAIMS["sixth_convolution"]], plan, None, said.append)
    assert [place for place, _ in trained] == [
        *("plain/0", "more_classes/1", "conv6_after_more/1"),
        *("more_classes/0", "conv6_after_more/0"),
        *("more_classes/0", "plain/1"),
    ]
    assert said.count("waiting for 3 runs of other processes") == 1
    assert said.count("slept") == 2
    assert said[-1].startswith("run 6 of 6: plain, seed 1: 0.00 % wrong")


def test_a_training_that_fails_does_not_stop_the_others(
    tmp_path: Path, trained: list[tuple[str, TrainConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What starts from it fails with it; neither is tried again."""
    fit, said = runs.fit, list[str]()

    def fit_unless_bad(config: TrainConfig, directory: Path, console: Any) -> None:
        if directory.parent.name == "more_classes":
            trained.append((directory.name, config))
            raise TrainingFailed("the loss is no number")
        fit(config, directory, console)

    monkeypatch.setattr(runs, "fit", fit_unless_bad)
    plan = Plan("cifar", (0,), tmp_path)
    for _ in range(2):
        runs.train_all([CLAIMS["sixth_convolution"]], plan, None, said.append)
    assert [place for place, _ in trained] == ["0", "plain/0"]
    assert "run 1 of 3: more_classes, seed 0: the loss is no number" in said[0]
    assert "more_classes, seed 0, has failed" in said[1]
    assert sum("there already" in line for line in said) == 3


def test_different_units_are_refused() -> None:
    with pytest.raises(InputError, match="measured in different units"):
        claim(ours=Variant("plain", measure="gap"))


def test_the_halved_tower_is_the_sources() -> None:
    """Net 145-half has 59,798,312 parameters, by the log."""
    config = CLAIMS["two_towers"].other.config("full", {}, 0)
    network = presets.architecture(config.preset, layers=config.layers)
    kernels = [placed.kernel for placed in network.placed() if placed.kernel]
    assert sum(math.prod(kernel) + kernel[-1] for kernel in kernels) == 59_798_312


def test_updates_until_the_smoothed_error_is_low() -> None:
    """Accuracies .5, .6, ..., of steps 10, 20, ...: the mean of five first reaches .75 when they
    run from .6 to 1.0, whose last is at step 60; test lines do not count."""
    train = [
        {"split": "train", "step": 10 * (i + 1), "top1": 0.5 + 0.1 * i if i < 6 else 1.0}
        for i in range(8)
    ]
    test = [{"split": "test", "step": 5, "top1": 1.0}] * 5
    assert updates_to_threshold([*test, *train]) == 60
    assert updates_to_threshold(train[:5]) == math.inf
    assert updates_to_threshold([]) == math.inf


def test_updates_until_the_loss_leaves_chance() -> None:
    """Losses 2.3, 2.2, ... of steps 10, 20, ...: for ten classes the limit is .9 log(10) = 2.0723;
    the mean of five is 2.1 up to step 50, and 2.0 up to step 60."""
    lines = [
        {"split": "train", "step": 10 * (i + 1), "top1": 0.1, "loss": 2.3 - 0.1 * i}
        for i in range(8)
    ]
    assert updates_to_start(lines, 10) == 60
    assert updates_to_start(lines[:5], 10) == math.inf
    assert updates_to_start([], 10) == math.inf
