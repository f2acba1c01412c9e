"""The command cifar10 from start to end, in small: what it trains, tests, writes and draws."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cifar_files import Part, drawn, unpacked
from helpers.scripts import Result, assert_refused, call, measurements

from alexnet_jax import data
from alexnet_jax.errors import TrainingFailed
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.paper import runs
from alexnet_jax.paper.trainings import train

SIZES = (
    *("batch=16", "steps=4", "evaluate_every=2", "log_every=1", "checkpoint_every=2"),
    *("layers.conv1.maps=4", "layers.conv2.maps=4"),
)
# Wide enough initial values, and a low rate, so that few updates tell images apart.
LOCAL = (
    *("layers.local3.maps=2", "layers.conv1.std=0.02", "layers.conv2.std=0.2"),
    *("layers.fc5.std=0.2", "learning_rate=1e-6"),
)
ONLY = "13pct_short,logistic"


def squares(count: int, seed: int) -> Part:
    """Pictures of 16 squares of random colours: noise of single pixels would look all the same."""
    images, labels = drawn("cifar10", count, seed)
    return images[:, ::8, ::8].repeat(8, 1).repeat(8, 2), labels


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set of 60 and 100 pictures, in the form of the authors' archive."""
    directory = tmp_path_factory.mktemp("cifar")
    folder = unpacked(directory, "cifar10", "python", squares(60, 1), squares(100, 2))
    options = ("--archive", folder, "--data-dir", directory / "data", "--workers", 1)
    made = call("prepare", "cifar10", *options)
    assert (made.status, made.err) == (0, "")
    return directory / "data"


def cifar10(workdir: Path, data_dir: Path, *more: object) -> Result:
    common = ("--workdir", workdir, "--data-dir", data_dir, "--seeds", 1, "--only", ONLY)
    return call("cifar10", *common, *more, "--set", *SIZES, *LOCAL)


@pytest.fixture(scope="module")
def made(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(the directory, what was printed, the record)."""
    directory = tmp_path_factory.mktemp("runs")
    files = ("--json", directory / "o.json", "--data-note", "made up")
    result = cifar10(directory / "w", data_dir, *files)
    assert (result.status, result.err) == (0, "")
    return directory, result, json.loads((directory / "o.json").read_text())


def of(record: Any, name: str) -> Any:
    return next(one for one in record["trainings"] if one["name"] == name)


def test_errors_are_those_of_the_network(made: Any, data_dir: Path) -> None:
    """Of the centre and of ten views, from its own probabilities."""
    directory, _, record = made
    trained = load_trained(directory / "w" / "13pct_short" / "0")
    test = data.load("cifar10", str(data_dir)).test
    (run,) = of(record, "13pct_short")["runs"]
    assert run["error"] != run["error_ten_views"]
    for views, name in ((1, "error"), (10, "error_ten_views")):
        guesses = trained.probabilities(np.asarray(test.images[:]), views).argmax(1)
        assert run[name] == pytest.approx(100 * np.mean(guesses != test.labels), abs=0.01)
    kept = json.loads((directory / "w" / "13pct_short" / "0" / train.TEN_VIEWS).read_text())
    likeliest = trained.probabilities(np.asarray(test.images[:]), 10).argsort(1)[:, -5:]
    within = (likeliest == test.labels[:, None]).any(1)
    assert kept["top5_error"] == pytest.approx(1 - within.mean(), abs=1e-6)
    assert "top5_error" not in run  # this table has top-1 errors alone
    assert [epoch for epoch, _ in run["test_curve"]] == pytest.approx(
        [2 / 3.75, 4 / 3.75], abs=0.01
    )
    assert of(record, "13pct_short")["settings"]["drop_epochs"] == "36,38"
    assert record["data"]["note"] == "made up"
    assert 0 <= record["baselines"]["logistic"]["error"] <= 100


def test_what_is_there_is_not_made_again(made: Any, data_dir: Path) -> None:
    directory, result, _ = made
    again = cifar10(directory / "w", data_dir, "--data-note", "made up")
    assert [line for line in again.lines if "there already" in line] == [
        "logistic: there already",
        "13pct_short, seed 0: there already",
    ]
    report = cifar10(directory / "w", data_dir, "--data-note", "made up", "--report")
    assert report.status == 0
    assert report.out.startswith("Data: cifar10, made up; 60 training images, 100 test images.")
    assert result.out.endswith(report.out)
    assert len(measurements(directory / "w" / "13pct_short" / "0")) == 7


def test_a_report_needs_the_record_alone(made: Any, tmp_path: Path) -> None:
    directory, result, _ = made
    pictures = ("--picture", tmp_path / "a.png", "--figure1", tmp_path / "b.png")
    found = call("cifar10", "--results", directory / "o.json", *pictures)
    assert (found.status, found.err) == (0, "")
    assert result.out.endswith(found.out)
    for name in "ab":
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_race_goes_on_without_runs_that_fail(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is no number ends a run of a race, not the race, and is not tried again."""
    begun = []

    def fit(config: Any, directory: Path, console: object) -> None:
        begun.append((config.learning_rate, config.steps))
        directory.mkdir(parents=True, exist_ok=True)
        raise TrainingFailed("the loss of step 1 is nan")

    monkeypatch.setattr(runs, "fit", fit)
    for _ in range(2):
        result = call(
            "cifar10", "--workdir", tmp_path / "w", "--data-dir", data_dir, "--only", "relu",
            "--set", *SIZES,
        )  # fmt: skip
        assert (result.status, result.err) == (0, "")
        assert begun == [(0.001, 2), (0.0005, 2), (0.002, 2)]
    assert (tmp_path / "w" / "relu_0.002" / "0" / train.FAILED).read_text().endswith("nan\n")


def test_a_signal_after_the_last_update_stops_what_follows(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came too late for the run that it met, and no other one is begun."""
    begun = []

    def fit(config: Any, directory: Path, console: object) -> signal.Signals:
        begun.append(directory.name)
        return signal.SIGTERM

    monkeypatch.setattr(runs, "fit", fit)
    options = ("--workdir", tmp_path / "w", "--data-dir", data_dir, "--only", "80sec")
    result = call("cifar10", *options, "--set", "batch=16")
    assert (result.status, begun) == (143, ["0"])
    assert f"stopped by SIGTERM after {tmp_path}/w/80sec/0; the same command" in result.err


def test_a_dry_run_lists_all(tmp_path: Path) -> None:
    result = call("cifar10", "--dry-run", "--workdir", tmp_path / "w")
    assert result.lines[1].split() == ["80sec", "10", "epochs,", "as", "logged", "3", "3,907"]
    assert result.lines[-1] == "baselines: nearest, logistic"
    assert len(result.lines) == 14
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--only", "80sek"), ("unknown training '80sek'; did you mean '80sec'?",)),
        (("--only", "80sec"), ("unknown data set 'cifar10'", "--data-dir")),
        (("--seeds", "0"), ("--seeds must be at least 1",)),
        (("--set", "stepz=1"), ("unknown setting 'stepz'",)),
        (("--results", "nowhere.json"), ("nowhere.json is no record",)),
    ],
)
def test_bad_options(options: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    assert_refused(call("cifar10", "--workdir", tmp_path / "w", *options), *parts)
    assert not (tmp_path / "w").exists()
