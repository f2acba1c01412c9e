"""The claims' runs from start to end, on digits in small: what is trained, measured and written."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scripts import NARROW, assert_refused, call, measurements

from alexnet_jax import data
from alexnet_jax.errors import InUse
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.paper import CLAIMS, PLAIN, runs
from alexnet_jax.paper.record import read_record
from alexnet_jax.paper.runs import Plan
from alexnet_jax.runtime import hold

ONLY = ("--only", "dropout,ensemble,initial_values,ten_views")
SIZES = ("data=digits", "image_size=28", "steps=3", "evaluate_every=3", "log_every=1", *NARROW)


def run(workdir: Path, *more: object, only: str = "") -> Any:
    chosen = ("--only", only) if only else ONLY
    options = ("--workdir", workdir, "--seeds", 2, "--set", *SIZES)
    return call("paper/run", *chosen, *options, *more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(the directory, what was printed, the record's rows by claim)."""
    directory = tmp_path_factory.mktemp("paper")
    files = ("--json", directory / "o.json", "--picture", directory / "o.png")
    result = run(directory / "runs", *files)
    assert result.status == 0, result.err
    record = json.loads((directory / "o.json").read_text())
    return directory, result, {row["claim"]: row for row in record["claims"]}


def test_variants_are_trained_once(made: Any) -> None:
    directory, result, rows = made
    there = {path.name for path in (directory / "runs").iterdir()}
    assert there == {"plain", "no_dropout", "init_printed"}
    assert sum("% wrong; " in line for line in result.lines) == 6
    file = directory / "again.json"
    again = run(directory / "runs", "--json", file, only="initial_values")
    assert sum("there already" in line for line in again.lines) == 4
    assert read_record(file)["claims"] == [rows["initial_values"]]


def test_reports_need_no_training(made: Any, tmp_path: Path) -> None:
    """--report takes each claim's seeds from the workdir, --results an earlier record."""
    directory, result, rows = made
    seen = run(directory / "runs", "--seeds", 3, "--report", only="initial_values")
    assert (seen.status, seen.err) == (0, "")
    (row,) = [line for line in seen.lines if line.startswith("| `initial_values` |")]
    assert row.endswith("| - | - | - | decides nothing | 2 |")
    assert row in result.lines
    file = tmp_path / "o.json"
    nothing = run(tmp_path / "empty", "--report", "--json", file, only="dropout")
    assert "| `dropout` |  | - | - | - | decides nothing | 0 |" in nothing.lines
    assert read_record(file)["cost"]["runs"] == 0
    picture = tmp_path / "o.svg"
    again = call("paper/run", "--results", directory / "o.json", "--picture", picture)
    assert again.status == 0
    assert result.out.endswith(again.out)
    assert {row["claim"] for row in read_record(directory / "o.json")["claims"]} == rows.keys()
    assert "decides nothing" in picture.read_text()


def test_the_cost_is_that_of_all_runs(made: Any) -> None:
    """Three steps of 16 images each, at the rates in their metrics."""
    directory = made[0]
    cost, seconds = read_record(directory / "o.json")["cost"], 0.0
    for name in ("plain", "no_dropout", "init_printed"):
        for seed in (0, 1):
            lines = measurements(directory / "runs" / name / str(seed))
            seconds += sum(16 / x["images_per_second"] for x in lines if x.get("split") == "train")
    assert (cost["runs"], cost["images"]) == (6, 6 * 3 * 16)
    assert cost["seconds"] == pytest.approx(seconds, abs=0.51)
    assert cost["images_per_second"] == pytest.approx(288 / seconds, rel=0.01)


def test_a_run_of_another_process_is_known_by_its_lock(tmp_path: Path) -> None:
    plan = Plan("quick", (0,), tmp_path, dict(change.split("=") for change in SIZES))
    plan.directory(PLAIN, 0).mkdir(parents=True)
    with hold(plan.directory(PLAIN, 0)), pytest.raises(InUse, match="is in use by process"):
        runs.train(PLAIN, 0, plan, None, "", print)


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
    """Three updates are fewer than the five whose losses are averaged."""
    _, result, rows = made
    assert rows["initial_values"]["compared"] == [None, None]
    assert rows["initial_values"]["mean"] is None
    assert "Then: the paper prints .01 for every layer" in result.out


def test_the_picture_is_there(made: Any) -> None:
    assert (made[0] / "o.png").read_bytes().startswith(b"\x89PNG")


def test_a_dry_run_trains_nothing(tmp_path: Path) -> None:
    result = call("paper/lrn", "--scale", "full", "--dry-run", "--workdir", tmp_path / "runs")
    assert result.lines == [
        f"{tmp_path}/runs/plain: 910,830 updates",
        f"{tmp_path}/runs/no_lrn: 910,830 updates",
        "5 seeds each, 10 runs in all",
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
        (("--scale", "small"), ("--scale must be one of quick, cifar, full, got 'small'",)),
        (("--results", "/nowhere/o.json"), ("/nowhere/o.json is no record of the claims",)),
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


@pytest.mark.exhaustive
def test_every_run_of_every_claim_can_be_made(tmp_path: Path) -> None:
    """At the quick scale, from one seed, with the networks as they are at the scale `cifar`."""
    file = tmp_path / "o.json"
    result = call("paper/run", "--seeds", 1, "--workdir", tmp_path / "runs", "--json", file)
    assert result.status == 0, result.err
    assert sum("% wrong; " in line for line in result.lines) == 17
    record = read_record(file)
    assert [row["claim"] for row in record["claims"]] == list(CLAIMS)
    assert {row["verdict"] for row in record["claims"]} == {"decides nothing"}
    assert all(row["seeds"] == [0] for row in record["claims"])
    assert record["cost"]["images"] == 4 * (16 * 64 + 128)
