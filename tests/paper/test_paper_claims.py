"""The claims of the paper as experiments: variants, measures, intervals, verdicts."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from alexnet_jax.cli.configs import load_config
from alexnet_jax.errors import InputError
from alexnet_jax.network import presets
from alexnet_jax.paper import CLAIMS, catalogue, runs
from alexnet_jax.paper.claims import FULL, PLAIN, Claim, Scale, Variant
from alexnet_jax.paper.report import difference, format_outcomes, interval, outcome_row, verdict
from alexnet_jax.paper.runs import Outcome, Plan, updates_to_threshold, variants_of
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
@pytest.mark.parametrize("scale", ["small", "full"])
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


@pytest.mark.parametrize("scale", ["small", "full"])
def test_names_stand_for_one_variant(scale: Scale) -> None:
    found = variants_of(list(CLAIMS.values()), scale)
    names = [variant.run(scale) for variant in found]
    assert len(set(names)) == len(names) == (17 if scale == "small" else 16)
    assert "plain" in names


@pytest.mark.parametrize("name", CLAIMS)
def test_the_two_sides_are_called_differently(name: str) -> None:
    found = outcome_row(Outcome(CLAIMS[name], (1.0, 2.0), (2.0, 3.0)))
    assert found["ours"]["name"] != found["other"]["name"]


def test_the_full_scale_is_the_config_for_imagenet() -> None:
    config = load_config("imagenet_source2012")
    assert dataclasses.replace(FULL, name=config.name) == config


def test_a_name_for_two_variants_is_refused() -> None:
    twice = claim(ours=Variant("other", {"batch": "64"}))
    with pytest.raises(InputError, match="two different variants are called other"):
        variants_of([twice], "small")


def test_what_a_variant_starts_from_is_trained_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same seed, on its own data; the comparison's other side starts from nothing."""
    found = CLAIMS["sixth_convolution"]
    trained: list[tuple[str, str, str]] = []

    def fit(config: TrainConfig, directory: Path, _: object) -> None:
        place = directory.relative_to(tmp_path).as_posix()
        trained.append((place, config.data, config.start_from))

    monkeypatch.setattr(runs, "fit", fit)
    monkeypatch.setattr(runs, "_error", lambda _: 0.0)
    runs.train_all([found], Plan("small", (0, 7), tmp_path), None, lambda _: None)
    assert trained == [
        row
        for seed in (0, 7)
        for row in (
            (f"more_classes/{seed}", "thumbnails_fields", ""),
            (f"conv6_after_more/{seed}", "thumbnails", f"{tmp_path}/more_classes/{seed}"),
            (f"plain/{seed}", "thumbnails", ""),
        )
    ]


def test_different_units_are_refused() -> None:
    with pytest.raises(InputError, match="measured in different units"):
        claim(ours=Variant("plain", measure="gap"))


def test_the_halved_tower_is_the_sources() -> None:
    """Net 145-half has 59,798,312 parameters, by the log."""
    config = CLAIMS["two_towers"].other.config("full", {}, 0)
    network = presets.architecture(config.preset, layers=config.layers)
    kernels = [placed.kernel for placed in network.placed() if placed.kernel]
    assert sum(math.prod(kernel) + kernel[-1] for kernel in kernels) == 59_798_312


def test_interval_by_hand() -> None:
    """For 1, 2, 3: mean 2, s = 1, t with two degrees of freedom 4.30265."""
    mean, half = interval([1, 2, 3])
    assert mean == 2
    assert half == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)
    assert interval([5.0]) == (5.0, math.inf)


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        mean, half = interval(generator.normal(7, 2, 3))
        inside += abs(mean - 7) <= half
    assert 0.935 < inside / 2000 < 0.965


@pytest.mark.parametrize(
    ("other", "want"),
    [
        ((3.0, 3.1, 2.9), "shown"),
        ((1.0, 1.1, 0.9), "the opposite"),
        ((2.5, 1.5, 2.2), "no difference seen"),
        ((3.0, math.inf, 2.9), "not reached in these runs"),
    ],
)
def test_verdicts(other: tuple[float, ...], want: str) -> None:
    ours = (2.0, 2.0, 2.0)
    assert verdict(Outcome(claim(), ours, other)) == want
    divided = claim(ratio=True)
    assert verdict(Outcome(divided, ours, other)) == want


def test_one_seed_says_nothing() -> None:
    assert verdict(Outcome(claim(), (2.0,), (3.0,))) == "one seed says nothing"
    assert difference(claim(), (1.0,)) == "+1.00 % wrong"
    assert difference(claim(ratio=True), (1.5,)) == "x1.50"


def test_differences_are_paired_and_ratios_geometric() -> None:
    outcome = Outcome(claim(), (1.0, 5.0), (2.0, 6.0))
    assert outcome.compared == (1.0, 1.0)
    assert difference(outcome.claim, outcome.compared) == "+1.00 ± 0.00 % wrong"
    divided = Outcome(claim(ratio=True), (1.0, 1.0), (2.0, 8.0))
    assert difference(divided.claim, divided.compared).startswith("x4.00 (")


def test_rows_are_json_and_the_table_has_a_line_each() -> None:
    outcomes = [
        Outcome(claim(), (1.0, 2.0), (2.0, math.inf)),
        Outcome(claim(name="second", ratio=True, expected=6), (1.0, 1.1), (2.0, 2.1)),
    ]
    rows = json.loads(json.dumps([outcome_row(outcome) for outcome in outcomes], allow_nan=False))
    assert rows[0]["other"]["values"] == [2.0, None]
    assert rows[0]["compared"] == [1.0, None]
    lines = format_outcomes(outcomes).splitlines()
    assert len(lines) == 3
    assert "-" in lines[1]
    assert "x6" in lines[2]


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
