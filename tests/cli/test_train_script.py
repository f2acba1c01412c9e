"""experiments/train.py: what a run prints and leaves, and what running it again does."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scripts import (
    EVERY_3,
    EXPERIMENTS,
    NARROW,
    SPEED,
    Run,
    assert_refused,
    call,
    contents,
    measurements,
    start,
    train,
    wait,
)
from PIL import Image

import alexnet_jax

SCRIPTS = ["train", "evaluate", "predict", "summary", "features"]
TRAIN_LINE = re.compile(
    r"step +(\d+)/6  loss (\d+\.\d{4})  top1 +(\d+\.\d)%  [\d,]+ images/s"
    r"(?: \(\d+% waiting for input\))?  \d+:\d\d left"
)
TEST_LINE = re.compile(
    r"step +(\d+)/6  test loss (\d+\.\d{4})  top1 (\d+\.\d\d)%  top5 (\d+\.\d\d)%"
)


@pytest.fixture
def copied(finished: Run, tmp_path: Path) -> Path:
    """A copy of the finished run's directory."""
    return Path(shutil.copytree(finished.workdir, tmp_path / "run"))


def without_speed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in SPEED} for line in lines]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script: str) -> None:
    """Of one of them in a process of its own, where nothing else has been imported."""
    result = wait(start(script, "--help")) if script == "train" else call(script, "--help")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("usage: ")
    assert "--help" in result.out


def test_summary_prints_the_table() -> None:
    paper = call("summary")
    assert (paper.status, paper.err) == (0, "")
    assert "60,965,224" in paper.out
    assert call("summary", "paper") == paper
    names = call("summary", "--list").lines
    assert names == list(alexnet_jax.list_presets())
    small = call("summary", "small", "--classes", 37, "--image-size", 40)
    assert small.lines[0].startswith("small: images 40 x 40 x 1, 37 classes")
    assert_refused(call("summary", "papr"), "unknown preset 'papr'; did you mean 'paper'?")


def test_a_line_a_measurement_is_printed(finished: Run) -> None:
    data, network, work, guessing, check, first, *lines = finished.result.lines
    assert data == (
        "data: digits, 1,437 grey images of 32 x 32 pixels to train on and 360 others to test "
        "with, 10 classes"
    )
    assert network == "network: small, 2,658 parameters, sees 28 x 28 pixels"
    assert work.startswith("training: 6 steps of 16 images (7% of the training images) on ")
    assert work.endswith(f"; files go to {finished.workdir}")
    labels = alexnet_jax.data.load("digits").train.labels
    shares = np.bincount(labels) / len(labels)
    entropy = -np.sum(shares * np.log(shares))
    assert guessing.startswith(f"for comparison: guessing has a loss of {entropy:.3f} and a top1")
    assert check.startswith("check: before training, ")
    assert re.match(r"first step took \d+\.\d s, most of it to compile", first)
    measured = finished.measured[:-1]
    assert len(lines) == len(measured) + 1
    for line, want in zip(lines, measured, strict=False):
        match = (TEST_LINE if want["split"] == "test" else TRAIN_LINE).fullmatch(line)
        assert match, line
        step, loss, top1 = match.groups()[:3]
        assert int(step) == want["step"]
        assert float(loss) == pytest.approx(want["loss"], abs=6e-5)
        assert float(top1) == pytest.approx(100 * want["top1"], abs=0.06)
    assert lines[-1].startswith("done: ")
    assert str(finished.workdir) in lines[-1]


def test_metrics_are_lines_in_the_order_of_steps(finished: Run) -> None:
    *measured, done = finished.measured
    at = [(line["step"], line["split"]) for line in measured]
    assert at == [
        (1, "train"),
        (2, "train"),
        (3, "test"),
        (4, "train"),
        (6, "train"),
        (6, "test"),
    ]
    for line in measured:
        assert {"step", "split", "loss", "top1", "top5"} <= set(line)
        assert (set(line) >= SPEED) == (line["split"] == "train")
        assert 0 <= line.get("input_wait", 0) <= 1
        assert line.get("images_per_second", 1) > 0
        assert 0 <= line["top1"] <= line["top5"] <= 1
        assert 0 < line["loss"] < 10
    assert set(done) == {"event", "step", "params_sha256"}
    assert (done["event"], done["step"]) == ("done", 6)


def test_the_hash_is_of_the_leaves_in_path_order(finished: Run) -> None:
    _, variables, _ = alexnet_jax.load_checkpoint(finished.workdir)
    digest = hashlib.sha256()
    for _, layer in sorted(variables["params"].items()):
        for _, leaf in sorted(layer.items()):
            digest.update(bytes(leaf.tobytes()))
    assert finished.measured[-1]["params_sha256"] == digest.hexdigest()


def test_a_run_leaves_its_settings_checkpoints_and_pictures(finished: Run) -> None:
    assert {path.name for path in finished.workdir.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "sessions.jsonl",
        "checkpoints",
        "learning_curve.png",
        "conv1_kernels.png",
        "MODEL_CARD.md",
    }
    config = json.loads((finished.workdir / "config.json").read_text())["config"]
    assert (config["data"], config["batch"], config["steps"]) == ("digits", 16, 6)
    assert {path.name for path in (finished.workdir / "checkpoints").iterdir()} == {"3", "6"}


@pytest.mark.parametrize("name", ["learning_curve.png", "conv1_kernels.png"])
def test_pictures_are_not_blank(finished: Run, name: str) -> None:
    with Image.open(finished.workdir / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 100
        shades = picture.convert("L").getcolors(256)
    assert shades is not None
    assert len(shades) > 20
    assert max(count for count, _ in shades) < 0.99 * picture.size[0] * picture.size[1]


def test_a_finished_run_says_so_and_changes_nothing(finished: Run) -> None:
    before = contents(finished.workdir)
    again = train(finished.workdir, 6)
    assert (again.status, again.err) == (0, "")
    assert len(again.lines) == 1
    assert re.search(r"finished.*\b6\b", again.out)
    assert contents(finished.workdir) == before


def test_more_steps_go_on_as_if_the_run_had_never_stopped(
    finished: Run, copied: Path, tmp_path: Path
) -> None:
    longer = train(copied, 9)
    assert (longer.status, longer.err) == (0, "")
    assert longer.lines[0] == "resumed at step 6"
    measured = measurements(copied)
    assert measured[:6] == finished.measured[:6]
    at_once = train(tmp_path / "at once", 9)
    assert at_once.status == 0
    assert "resumed" not in at_once.out
    assert without_speed(measured) == without_speed(measurements(tmp_path / "at once"))
    assert measured[-1]["params_sha256"] != finished.measured[-1]["params_sha256"]


def test_cadences_may_differ(finished: Run, copied: Path) -> None:
    changes = ("evaluate_every=4", "checkpoint_every=2", "keep_checkpoints=3")
    assert train(copied, 8, log_every=7, changes=changes).status == 0
    at = [(line["step"], line.get("split")) for line in measurements(copied)[6:]]
    assert at == [(7, "train"), (8, "train"), (8, "test"), (8, None)]


def test_fewer_steps_are_refused(copied: Path) -> None:
    before = contents(copied)
    assert_refused(train(copied, 4), copied, "steps: 6, now 4")
    assert contents(copied) == before


@pytest.mark.parametrize(
    ("options", "changes", "named"),
    [
        (("--seed", 7), (), ["seed: 0, now 7"]),
        ((), ("learning_rate=0.5",), ["learning_rate: 0.02, now 0.5"]),
        ((), ("layers.conv1.maps=6",), ["layers: "]),
        (("--dtype", "bfloat16"), ("momentum=0.5",), ["dtype: ", "bfloat16", "momentum: 0.9"]),
        (("--precision", "highest"), (), ["precision: 'default', now 'highest'"]),
    ],
    ids=["seed", "learning rate", "layers", "two", "precision"],
)
def test_other_settings_are_refused_by_name(
    copied: Path, options: tuple[object, ...], changes: tuple[str, ...], named: list[str]
) -> None:
    before = contents(copied)
    result = train(copied, 6, *options, changes=(*EVERY_3, *changes))
    assert_refused(result, copied, *named)
    assert "batch: " not in result.err
    assert contents(copied) == before


def test_fresh_starts_over_and_leaves_what_is_not_its_own(finished: Run, copied: Path) -> None:
    (copied / "notes.txt").write_text("mine")
    result = train(copied, 3, "--fresh")
    assert (result.status, result.err) == (0, "")
    assert "resumed" not in result.out
    assert (copied / "notes.txt").read_text() == "mine"
    measured = without_speed(measurements(copied))
    assert [line["step"] for line in measured] == [1, 2, 3, 3, 3]
    was = without_speed(finished.measured)
    assert [measured[0], measured[1], measured[3]] == was[:3]
    assert {path.name for path in (copied / "checkpoints").iterdir()} == {"3"}


def test_a_config_may_be_a_path_and_names_the_default_workdir(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = (
        "import dataclasses, runpy\n"
        f"digits = runpy.run_path({str(EXPERIMENTS / 'configs/digits.py')!r})\n"
        "CONFIG = dataclasses.replace(digits['CONFIG'], name='mine', steps=3, log_every=2)\n"
    )
    (tmp_path / "my.config.py").write_text(config)
    result = call("train", "my.config.py", "--set", *NARROW, *EVERY_3)
    assert (result.status, result.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"my.config.py", "runs"}
    measured = without_speed(measurements(tmp_path / "runs" / "mine"))
    assert measured[:2] == without_speed(finished.measured[:2])


@pytest.mark.parametrize("form", [["--set", "a", "b"], ["--set", "a", "--set", "b"]])
def test_set_may_be_given_at_once_or_again_and_again(form: list[str], tmp_path: Path) -> None:
    """Neither form loses a change."""
    changes = {"a": "patience=5", "b": "layers.conv1.maps=4"}
    options = [changes.get(word, word) for word in form]
    result = train(tmp_path / "run", 2, *options)
    assert result.status == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert config["patience"] == 5
    assert config["layers"]["conv1"] == {"maps": 4}


@pytest.mark.parametrize("options", [["--set"], ["--workdir", ""]])
def test_what_is_asked_for_must_be_said(options: list[str]) -> None:
    result = call("train", "digits", *options)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"error: {options[0]} ")
