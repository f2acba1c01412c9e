"""From ImageNet's archives, in small, to an evaluated network, by the scripts alone."""

import json
import shutil
from pathlib import Path

import pytest
from helpers.cifar_files import drawn, packed, unpacked
from helpers.scripts import NARROW, SPEED, Result, assert_refused, call, measurements
from helpers.tiny_files import NAMES, write_tiny

from alexnet_jax.data.prepared import load_prepared


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("archives")
    made = call("prepare", "miniature", "--archives", directory, "--train", 9)
    assert (made.status, made.err) == (0, "")
    return directory


def prepare(archives: Path, data_dir: Path, *options: object) -> Result:
    arguments = ("--archives", archives, "--data-dir", data_dir, "--workers", 1, "--subset")
    return call("prepare", "imagenet", *arguments, *options)


@pytest.fixture(scope="module")
def records(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 of the 27 training pictures, and 12 to test: one is cut short."""
    directory = tmp_path_factory.mktemp("data")
    made = prepare(archives, directory, "--max-bad-fraction", 0.05)
    assert (made.status, made.err) == (0, "")
    assert "26 train, 12 test images of 256x256x3, 1000 classes, 1 pictures left out" in made.out
    return directory


def train(workdir: Path, data_dir: Path, steps: int, *options: object) -> Result:
    sizes = ("batch=8", "image_size=67", "init=small", "learning_rate=0.001")
    changes = ("evaluate_every=2", "checkpoint_every=2", *sizes)
    return call(
        "train", "imagenet_paper", "--workdir", workdir, "--data-dir", data_dir, "--steps", steps,
        *options, "--log-every", 1, "--set", *NARROW, *changes,
    )  # fmt: skip


def measured(workdir: Path) -> list[dict[str, object]]:
    return [{k: v for k, v in line.items() if k not in SPEED} for line in measurements(workdir)]


@pytest.mark.slow
def test_archives_to_evaluation(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records train; packed and moved, the same run goes on as if it had never stopped, and the
    ten views of the network are evaluated. Statistics and fingerprint are those beside the data:
    nothing is read through for them."""

    def refuse(*_: object) -> None:
        raise AssertionError("reads the whole data set")

    monkeypatch.setattr("alexnet_jax.data.statistics.pixel_statistics", refuse)
    first = train(tmp_path / "run", records, 2)
    assert (first.status, first.err) == (0, "")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data_sha256"] == load_prepared("imagenet2012", records).sha256
    assert all(0 <= line["input_wait"] < 1 for line in measurements(tmp_path / "run")[:2])
    moved = tmp_path / "elsewhere"
    shutil.copytree(records, moved)
    packed = call("prepare", "pack", "imagenet2012", "--data-dir", moved, "--workers", 1)
    assert (packed.status, packed.err) == (0, "")
    assert call("prepare", "verify", "imagenet2012", "--data-dir", moved).status == 0
    shutil.rmtree(moved / "imagenet2012" / "1.0.0")
    second = train(tmp_path / "run", moved, 3)
    assert (second.status, second.lines[0]) == (0, "resumed at step 2")
    at_once = train(tmp_path / "at once", moved, 3)
    assert at_once.status == 0
    assert measured(tmp_path / "run") == measured(tmp_path / "at once")
    views = call("evaluate", tmp_path / "run", "--views", 10, "--data-dir", moved)
    assert (views.status, views.err) == (0, "")
    assert "imagenet2012: 12 test images, ten views" in views.lines
    where = call("evaluate", tmp_path / "run", "--data-dir", tmp_path)
    assert_refused(where, "holds no prepared data set 'imagenet2012'")


def test_a_cifar_archive_by_its_command(tmp_path: Path) -> None:
    """Its data set is used by its name like others; other counts are told and taken."""
    folder = unpacked(tmp_path, "cifar100", "python", *(drawn("cifar100", 100, k) for k in (1, 2)))
    archive = packed(folder, tmp_path / "cifar-100-python.tar.gz")
    options = ("--archive", archive, "--labels", "coarse", "--name", "twenty", "--workers", 1)
    made = call("prepare", "cifar100", *options, "--data-dir", tmp_path / "data")
    assert (made.status, made.err) == (0, "")
    assert made.lines[0].startswith(f"{archive} has 100 training and 100 test pictures instead")
    assert made.lines[-1] == "twenty: 100 train, 100 test images of 32x32x3, 20 classes"
    measured = call("baseline", "twenty", "--data-dir", tmp_path / "data")
    assert (measured.status, measured.err) == (0, "")


def test_tiny_imagenet_by_its_command(tmp_path: Path) -> None:
    options = ("--images", write_tiny(tmp_path), "--workers", 1, "--data-dir", tmp_path / "data")
    made = call("prepare", "tiny_imagenet", *options)
    assert (made.status, made.err) == (0, "")
    assert made.lines[-1] == "tiny_imagenet: 12 train, 5 test images of 64x64x3, 4 classes"
    assert load_prepared("tiny_imagenet", tmp_path / "data").class_names == NAMES


def test_started_again_nothing_is_done(archives: Path, records: Path) -> None:
    again = prepare(archives, records)
    assert again.status == 0
    assert "is finished; nothing to do" in again.out


def test_too_many_broken_pictures(archives: Path, tmp_path: Path) -> None:
    result = prepare(archives, tmp_path)
    assert result.status == 2
    assert result.err.startswith("error: 1 of 27 train pictures cannot be read")
    assert result.err.count("\n") == 1
    listed = (tmp_path / "imagenet2012" / "1.0.0.unfinished" / "bad_files.txt").read_text()
    assert "n01440764_37.JPEG: damaged picture" in listed


def test_a_config_without_its_data_says_what_to_do(tmp_path: Path) -> None:
    result = call("train", "imagenet_paper", "--workdir", tmp_path / "run")
    assert_refused(result, "unknown data set 'imagenet2012'", "--data-dir", "prepare.py")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pack", "none"), "holds no prepared data set"),
        (("verify", "none"), "holds no prepared data set"),
        (("imagenet", "--archives", "nowhere"), "has no file ILSVRC2012_img_train.tar"),
        (("folder", "--images", "nowhere", "--name", "x"), "is not a directory"),
        (("idx", "--files", "nowhere", "--name", "x"), "is not a directory"),
        (("cifar10", "--archive", "nowhere"), "nowhere: no such file or directory"),
        (("cifar10", "--archive", ""), "--archive is empty; give a file or directory"),
        (("cifar100", "--archive", ".", "--labels", "all"), "must be one of fine, coarse, got"),
        (("tiny_imagenet", "--images", "nowhere"), "is not a directory; give that of Tiny ImageN"),
        (("tfds", "nowhere"), "nowhere cannot be used from"),
        (
            ("folder", "--images", "x", "--name", "x", "--ground", "grey"),
            "--ground must be one of white, black, got 'grey'",
        ),
    ],
)
def test_mistakes_are_told_in_a_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert_refused(call("prepare", *arguments, "--data-dir", tmp_path / "new"), message)
    assert not (tmp_path / "new").exists()
