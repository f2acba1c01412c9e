"""The claims' runs from start to end, on digits in small: what is trained, measured and written."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scripts import NARROW, assert_refused, call, measurements

from alexnet_jax import data
from alexnet_jax.inference.trained import load_trained

ONLY = ("--only", "dropout,ensemble,relu,ten_views")
SIZES = ("data=digits", "image_size=28", "steps=3", "evaluate_every=3", "log_every=1", *NARROW)


def run(workdir: Path, *more: object) -> Any:
    return call("paper/run", *ONLY, "--workdir", workdir, "--seeds", 2, "--set", *SIZES, *more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(the directory, what was printed, the rows by claim)."""
    directory = tmp_path_factory.mktemp("paper")
    files = ("--json", directory / "o.json", "--picture", directory / "o.png")
    result = run(directory / "runs", *files)
    assert result.status == 0, result.err
    rows = json.loads((directory / "o.json").read_text())
    return directory, result, {row["claim"]: row for row in rows}


def test_variants_are_trained_once(made: Any) -> None:
    directory, result, _ = made
    there = {path.name for path in (directory / "runs").iterdir()}
    assert there == {"plain", "no_dropout", "tanh"}
    assert sum("% wrong; " in line for line in result.lines) == 6
    again = run(directory / "runs")
    assert sum("there already" in line for line in again.lines) == 6
    assert again.lines[-4:] == result.lines[-4:]


def errors(directory: Path, name: str) -> list[float]:
    """Of each seed's last test line."""
    found = [measurements(directory / "runs" / name / str(seed)) for seed in (0, 1)]
    tests = [[line for line in lines if line.get("split") == "test"][-1] for lines in found]
    return [100 * (1 - line["top1"]) for line in tests]


def probabilities(directory: Path, seed: int, images: np.ndarray, views: int = 1) -> np.ndarray:
    return load_trained(directory / "runs" / "plain" / str(seed)).probabilities(images, views)


def test_errors_are_those_of_the_networks(made: Any) -> None:
    """One view, ten views and the ensemble, each from the networks' own probabilities."""
    directory, _, rows = made
    test = data.load("digits").test
    one = [probabilities(directory, seed, test.images) for seed in (0, 1)]
    ten = [probabilities(directory, seed, test.images, 10) for seed in (0, 1)]

    def wrong(found: np.ndarray) -> float:
        return 100 * float(np.mean(found.argmax(1) != test.labels))

    assert rows["ensemble"]["other"]["values"] == pytest.approx([wrong(p) for p in one])
    assert rows["ensemble"]["other"]["values"] == errors(directory, "plain")
    assert rows["ensemble"]["ours"]["values"] == pytest.approx([wrong((one[0] + one[1]) / 2)] * 2)
    assert rows["ten_views"]["ours"]["values"] == pytest.approx([wrong(p) for p in ten])


def test_the_gap_is_test_loss_minus_training_loss(made: Any) -> None:
    directory, _, rows = made
    digits = data.load("digits")
    for seed in (0, 1):
        losses = []
        for split in (digits.test, digits.train):
            found = probabilities(directory, seed, split.images)
            chosen = found[np.arange(len(split)), split.labels].astype(np.float64)
            losses.append(-np.log(chosen).mean())
        want = losses[0] - losses[1]
        assert rows["dropout"]["ours"]["values"][seed] == pytest.approx(want, abs=1e-5)


def test_what_was_not_reached_is_null(made: Any) -> None:
    _, result, rows = made
    assert rows["relu"]["compared"] == [None, None]
    assert rows["relu"]["verdict"] == "not reached in these runs"
    assert "then: six times fewer" in result.out


def test_the_picture_is_there(made: Any) -> None:
    assert (made[0] / "o.png").read_bytes().startswith(b"\x89PNG")


def test_a_dry_run_trains_nothing(tmp_path: Path) -> None:
    result = call("paper/lrn", "--scale", "full", "--dry-run", "--workdir", tmp_path / "runs")
    assert result.lines == [
        f"{tmp_path}/runs/plain: 910,830 updates",
        f"{tmp_path}/runs/no_lrn: 910,830 updates",
        "3 seeds each, 6 runs in all",
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--only", "dropout,lnr"), ("unknown claim 'lnr'", "crossings, dropout")),
        (("--seeds", "0"), ("--seeds must be at least 1",)),
        (("--seeds", "many"), ("--seeds must be a whole number",)),
        (("--set", "steps"), ("--set takes KEY=VALUE, got 'steps'",)),
        (("--set", "layers.conv9.maps=3"), ("has no layer conv9",)),
        (("--scale", "full"), ("imagenet2012", "--data-dir")),
        (
            ("--json", "/nowhere/o.json"),
            ("--json must be a file that can be written, got '/nowhere/o.json'",),
        ),
    ],
)
def test_bad_options(options: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    result = call("paper/run", "--workdir", tmp_path / "runs", *options)
    assert_refused(result, *parts)
    assert not (tmp_path / "runs").exists()


def test_runs_of_other_settings_are_not_taken(made: Any) -> None:
    result = run(made[0] / "runs", "momentum=0.5")
    assert_refused(result, "other settings", "momentum: 0.9, now 0.5")
    assert math.isfinite(errors(made[0], "plain")[0])
