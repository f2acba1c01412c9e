"""The command tiny_imagenet from start to end, in small: errors, colour, record and pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scripts import Result, assert_refused, call
from helpers.tiny_files import write_tiny

from alexnet_jax.analysis import colour_index
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.training import init_state

SIZES = (
    *("batch=4", "steps=2", "evaluate_every=2", "checkpoint_every=2", "log_every=1"),
    *(f"layers.conv{number}.maps=4" for number in range(1, 6)),
    *("layers.fc6.units=4", "layers.fc7.units=4"),
)
ONLY = "nearest,within_towers"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set of 16 and 5 pictures in four classes, from its own layout."""
    directory = tmp_path_factory.mktemp("tiny")
    options = ("--images", write_tiny(directory, 4), "--data-dir", directory / "data")
    made = call("prepare", "tiny_imagenet", *options, "--workers", 1)
    assert (made.status, made.err) == (0, "")
    return directory / "data"


def tiny_imagenet(workdir: Path, data_dir: Path, *more: object) -> Result:
    common = ("--workdir", workdir, "--data-dir", data_dir, "--seeds", 1, "--only", ONLY)
    return call("tiny_imagenet", *common, *more, "--set", *SIZES)


@pytest.fixture(scope="module")
def made(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(the directory, what was printed, the record)."""
    directory = tmp_path_factory.mktemp("runs")
    result = tiny_imagenet(directory / "w", data_dir, "--json", directory / "o.json")
    assert (result.status, result.err) == (0, "")
    return directory, result, json.loads((directory / "o.json").read_text())


def test_four_errors_of_a_run(made: Any) -> None:
    """Of five pictures; five guesses among four classes are never wrong."""
    _, result, record = made
    assert set(record["baselines"]) == {"nearest"}
    runs = {one["name"]: one["runs"] for one in record["trainings"] if one["runs"]}
    assert set(runs) == {"within_towers"}
    (run,) = runs["within_towers"]
    for views in ("", "_ten_views"):
        assert run[f"error{views}"] in (0, 20, 40, 60, 80, 100)
        assert run[f"top5_error{views}"] == 0
    assert "|  | ten views, top-5 |  |  |  | 0.00 | 0.00 |" in result.out


def test_the_colour_of_the_runs_kernels(made: Any) -> None:
    """Those of the checkpoint, two maps a tower, and what two small updates added to them."""
    directory, result, record = made
    added, kernels = record["sections"]["colour"]["runs"]
    assert (kernels["training"], kernels["seed"], kernels["part"]) == (
        "within_towers",
        0,
        "kernels",
    )
    trained = load_trained(directory / "w" / "within_towers" / "0")
    kernel = np.asarray(trained.params["conv1"]["kernel"])
    initial = init_state(trained.architecture, trained.config, trained.topology)
    difference = kernel - np.asarray(initial.params["conv1"]["kernel"])
    assert 0 < np.square(difference).sum() < 0.1 * np.square(kernel).sum()
    for run, weights in ((added, difference), (kernels, kernel)):
        wanted = colour_index(weights)
        assert np.ravel(run["index"]) == pytest.approx(wanted, abs=1e-4)
        assert run["difference"] == pytest.approx(wanted[:2].mean() - wanted[2:].mean(), abs=1e-4)
        words = {"added": "what training added"}.get(run["part"], "kernels")
        assert f"| `within_towers` | {words} | {wanted.mean():.3f} | " in result.out


def test_a_report_needs_the_record_alone(made: Any, tmp_path: Path) -> None:
    """And is the one that was printed before; a workdir that is reported gives it, too."""
    directory, result, _ = made
    pictures = ("--picture", tmp_path / "a.png", "--colour", tmp_path / "b.png")
    found = call("tiny_imagenet", "--results", directory / "o.json", *pictures)
    assert (found.status, found.err) == (0, "")
    assert result.out.endswith(found.out)
    for name in "ab":
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert_refused(
        call("cifar10", "--results", directory / "o.json"),
        "o.json is no record of the trainings on CIFAR-10: it lacks 11pct",
    )


def test_what_is_there_is_not_made_again(made: Any, data_dir: Path) -> None:
    directory, result, _ = made
    again = tiny_imagenet(directory / "w", data_dir)
    assert [line for line in again.lines if line.endswith("there already")] == [
        "nearest: there already",
        "within_towers, seed 0: there already",
    ]
    assert again.out.split("Data: ")[1] == result.out.split("Data: ")[1]
