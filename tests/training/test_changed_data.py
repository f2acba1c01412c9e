"""A data set that is changed while it is read is named, and no checkpoint is made of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.scripts import call, measurements, training

from alexnet_jax import InputError
from alexnet_jax.bench import input_stages
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.training.run import Run


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("prepared")
    input_stages.make_synthetic(directory, 64, 32)
    return directory


def touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def replace(path: Path) -> None:
    """The same bytes in another file."""
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def grow(path: Path) -> None:
    before = path.stat()
    with open(path, "ab") as file:
        file.write(b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [touch, replace, grow, Path.unlink])
@pytest.mark.parametrize("form", ["packed", "1.0.0"])
def test_every_change_of_a_file_is_seen(
    change: Callable[[Path], None], form: str, prepared: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(prepared, tmp_path / "copy"))
    if form == "1.0.0":
        shutil.rmtree(directory / "synthetic" / "packed")
    dataset = load_prepared("synthetic", directory)
    dataset.require_unchanged()
    path = next((directory / "synthetic" / form).glob("*train*images.npy" if form == "packed"
                                                      else "*train*record*"))  # fmt: skip
    change(path)
    with pytest.raises(InputError, match=f"synthetic was changed while it was read: {path}; "):
        dataset.require_unchanged()


def test_a_mapped_file_that_is_cut_short_is_not_read(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read past its end would end the process, with SIGBUS, and no word."""
    directory = Path(shutil.copytree(prepared, tmp_path / "copy"))
    log = Run.log_train
    images = {s: directory / "synthetic" / "packed" / f"{s}_images.npy" for s in ("train", "test")}
    lengths = {split: path.stat().st_size for split, path in images.items()}

    def cutting(run: Run, step: int, *rest: Any) -> None:
        for path in images.values():
            os.truncate(path, 4096)
        log(run, step, *rest)

    dataset = load_prepared("synthetic", directory)
    monkeypatch.setattr(Run, "log_train", cutting)
    rarely = ("--set", "evaluate_every=60", "checkpoint_every=60")
    arguments = training(tmp_path / "run", 60, "--data", "synthetic", "--data-dir", directory)
    result = call("train", *arguments, *rarely)
    said = "{} was cut short while it was read, to 4,096 of {:,} bytes; pack the data set again"
    assert result.status == 2
    assert result.err == f"error: {said.format(images['train'], lengths['train'])}\n"
    with pytest.raises(InputError, match=said.format(images["test"], lengths["test"])):
        dataset.test.images[:]


def test_a_running_training_stops(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed after the checkpoint of step 3: no other is written, and the run says why."""
    directory = Path(shutil.copytree(prepared, tmp_path / "copy"))
    images = directory / "synthetic" / "packed" / "train_images.npy"
    save = Run.evaluate_and_save

    def changing(run: Run, step: int, *rest: Any, **options: Any) -> None:
        if step == 6:
            touch(images)
        save(run, step, *rest, **options)

    monkeypatch.setattr(Run, "evaluate_and_save", changing)
    arguments = training(tmp_path / "run", 6, "--data", "synthetic", "--data-dir", directory)
    result = call("train", *arguments)
    assert result.status == 2
    assert result.err.startswith("error: synthetic was changed while it was read")
    assert result.err.count("\n") == 1
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["3"]
    assert [line["step"] for line in measurements(tmp_path / "run") if line["split"] == "test"] == [
        3
    ]
