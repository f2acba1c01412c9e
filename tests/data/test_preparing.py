"""Pictures become records, packed images, and a data set to train on: all of them, once, whole."""

import dataclasses
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from helpers.pictures import BROKEN, SHAPE, drawn, quiet, source
from helpers.reference import assert_close
from tensorflow_datasets.proto import tf_example_pb2

from alexnet_jax import InputError, data
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.mapped import Mapped
from alexnet_jax.data.prepare import shards
from alexnet_jax.data.prepare.packing import pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import list_prepared, load_prepared
from alexnet_jax.data.records import RecordImages, features, serialized
from alexnet_jax.data.statistics import pixel_statistics
from alexnet_jax.runtime.signals import Interrupted

pytestmark = pytest.mark.usefixtures("small_shards")


def of_form(directory: Path, form: str) -> data.Dataset:
    """The data set in one form alone."""
    if form == "records" and (directory / "drawn" / "packed").exists():
        shutil.rmtree(directory / "drawn" / "packed")
    return load_prepared("drawn", directory)


def assert_holds(split: Split, name: str, numbers: list[int]) -> None:
    """Every picture once, with its label, in any order."""
    images = split.images[:]
    places = {drawn(name, number).tobytes(): number for number in numbers}
    found = [places[image.tobytes()] for image in images]
    assert sorted(found) == numbers
    assert found != numbers
    np.testing.assert_array_equal(split.labels, np.array(found) % 3)


@pytest.mark.parametrize("form", ["records", "packed"])
def test_every_picture_once_with_its_label(copied: Path, form: str) -> None:
    found = of_form(copied, form)
    assert (found.name, found.class_names, found.stored_size) == ("drawn", ("a", "b", "c"), 6)
    assert_holds(found.train, "train", sorted(set(range(50)) - set(BROKEN)))
    assert_holds(found.test, "test", list(range(20)))
    rows = np.array([7, 0, 7, 40])
    np.testing.assert_array_equal(found.train.images[rows], found.train.images[:][rows])
    np.testing.assert_array_equal(found.train.images[-2], found.train.images[:][-2])


def test_both_forms_are_one_data_set(both: Path, tmp_path: Path) -> None:
    packed = load_prepared("drawn", both)
    shutil.copytree(both / "drawn" / "1.0.0", tmp_path / "drawn" / "1.0.0")
    records = load_prepared("drawn", tmp_path)
    assert isinstance(packed.train.images, Mapped)
    assert isinstance(records.train.images, RecordImages)
    assert packed.fingerprint() == records.fingerprint()
    np.testing.assert_array_equal(packed.train.images[:], records.train.images[:])
    assert list_prepared(both) == ["drawn"]


def test_statistics_are_those_of_the_training_split(both: Path) -> None:
    found = load_prepared("drawn", both)
    assert found.statistics is not None
    plain = Split(found.train.images[:].copy(), found.train.labels)
    for stored, computed in zip(found.statistics, pixel_statistics(plain), strict=True):
        np.testing.assert_array_equal(stored, computed)
    assert_close(found.statistics[0], plain.images[:].astype(np.float64).mean(0), 1e-7)


def test_tfds_reads_the_records(both: Path) -> None:
    records = tfds.data_source("drawn", split="train", data_dir=both)
    assert len(records) == 48
    number = int(records[5]["file_name"].decode().removeprefix("train/"))
    np.testing.assert_array_equal(records[5]["image"], drawn("train", number))
    assert records[5]["label"] == number % 3
    info = tfds.builder("drawn", data_dir=both).info
    assert info.features["label"].names == ["a", "b", "c"]
    assert (info.splits["test"].num_examples, info.supervised_keys) == (20, ("image", "label"))


def test_broken_pictures_are_listed(both: Path) -> None:
    listed = (both / "drawn" / "1.0.0" / "bad_files.txt").read_text().splitlines()
    assert listed == ["train: train/30: broken", "train: train/3: broken"]


def test_more_broken_pictures_than_allowed_stop_the_work(tmp_path: Path) -> None:
    """And it goes on, with what was done, once they are."""
    with pytest.raises(InputError, match=r"of 50 train pictures cannot be read.*0\.03.*broken"):
        prepare(source(broken=BROKEN), tmp_path, workers=1, max_bad_fraction=0.03, note=quiet)
    assert list_prepared(tmp_path) == []
    said: list[str] = []
    prepare(source(broken=BROKEN), tmp_path, workers=1, max_bad_fraction=0.04, note=said.append)
    assert said[0].startswith("resumed: ")
    assert "48 train, 20 test" in said[1]


def stopping_at(count: int) -> Any:
    """`each_done` as if SIGTERM came while job number `count` was in hand."""
    done = 0
    write = shards.write_shard

    def write_and_stop(shard: shards.Shard) -> Any:
        nonlocal done
        done += 1
        if done == count:
            signal.raise_signal(signal.SIGTERM)
        return write(shard)

    return write_and_stop


@pytest.mark.parametrize("at", [1, 4])
def test_stopped_and_started_again_it_goes_on(
    at: int, both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are done stay as they are, and the result is that of one that was not stopped."""
    directory = tmp_path / "drawn" / "1.0.0.unfinished"
    monkeypatch.setattr("alexnet_jax.data.prepare.preparation.write_shard", stopping_at(at))
    with pytest.raises(Interrupted) as stopped:
        prepare(source(broken=BROKEN), tmp_path, workers=1, max_bad_fraction=0.1, note=quiet)
    monkeypatch.undo()
    monkeypatch.setattr(shards, "SHARD_BYTES", 9 * int(np.prod(SHAPE)))
    assert stopped.value.status == 128 + signal.SIGTERM
    there = {path: path.stat().st_mtime_ns for path in directory.glob("*.array_record-*")}
    assert len(there) == at
    said: list[str] = []
    made = prepare(
        source(broken=BROKEN), tmp_path, workers=1, max_bad_fraction=0.1, note=said.append
    )
    assert said[0] == f"resumed: {at} of 9 files of records are there"
    for path, time in there.items():
        assert (made / path.name).stat().st_mtime_ns == time
    names = {path.name for path in made.iterdir()}
    assert names == {path.name for path in (both / "drawn" / "1.0.0").iterdir()}
    assert (
        load_prepared("drawn", tmp_path).fingerprint() == load_prepared("drawn", both).fingerprint()
    )


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """As "é" arrives where the file system's encoding is ASCII. Nothing is written."""
    place = tmp_path / "d\udcc3\udca9"
    with pytest.raises(
        InputError, match=r"d\\udcc3\\udca9 is no text in utf-8, and records need it"
    ):
        prepare(source(), place, workers=1, note=quiet)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="is no text in utf-8, and records need it"):
        RecordImages(place, "train", SHAPE)


def test_several_processes_make_the_same(both: Path, tmp_path: Path) -> None:
    prepare(source(broken=BROKEN), tmp_path, workers=2, max_bad_fraction=0.1, note=quiet)
    assert (
        load_prepared("drawn", tmp_path).fingerprint() == load_prepared("drawn", both).fingerprint()
    )


def test_a_finished_one_is_recognised(copied: Path) -> None:
    said: list[str] = []
    prepare(source(broken=BROKEN), copied, workers=1, note=said.append)
    pack("drawn", copied, workers=1, note=said.append)
    assert sum("is finished; nothing to do" in line for line in said) == 2
    with pytest.raises(InputError, match="prepared from other pictures or with other settings"):
        prepare(source(train=49), copied, workers=1, note=quiet)


def test_preparing_starts_no_device() -> None:
    """A preparation beside a training must not take the accelerator's memory."""
    code = (
        "from pathlib import Path; from alexnet_jax.data.prepare.workers import each_done; "
        "import jax._src.xla_bridge as bridge; "
        "print(list(each_done(str, [1, 2], workers=1, initializer=int, initargs=())), "
        "bridge.backends_are_initialized())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "['1', '2'] False\n"


def test_an_unfinished_one_of_other_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        prepare(source(broken=BROKEN), tmp_path, workers=1, max_bad_fraction=0, note=quiet)
    with pytest.raises(InputError, match=r"unfinished preparation .* remove it to start over"):
        prepare(source(train=49), tmp_path, workers=1, note=quiet)


def test_a_disk_that_is_too_small_is_noticed_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs [\d,]+\.\d GB for 70 images, but has"):
        prepare(source_of_side(200_000), tmp_path, workers=1, note=quiet)


def source_of_side(side: int) -> Any:

    return dataclasses.replace(source(), size=side)


def test_records_are_what_tfds_would_write() -> None:
    image, name = drawn("train", 0), "train/\u00e9"
    feature = features(SHAPE, ("a", "b"))
    theirs = feature.serialize_example({"image": image, "label": 1, "file_name": name})
    ours = serialized(image, 1, name)
    read = [tf_example_pb2.Example.FromString(record) for record in (ours, theirs)]
    assert read[0] == read[1]
    back = feature.deserialize_example_np(ours)
    np.testing.assert_array_equal(back["image"], image)
    assert (back["label"], back["file_name"]) == (1, name.encode())
