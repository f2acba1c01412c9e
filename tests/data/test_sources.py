"""Folders of pictures and idx files as sources: what is taken, and what is refused."""

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.pictures import quiet, write_folders
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.sources.folder import folder
from alexnet_jax.data.sources.idx import idx, read_idx
from alexnet_jax.data.sources.source import Source, stratified


def of_folder(images: Path, **options: Any) -> Source:
    return folder(images, "mine", size=8, note=quiet, **options)


def names(source: Source, split: str) -> list[str]:
    pictures = source.splits[split]
    return [pictures.name(row) for row in range(len(pictures.labels))]


def test_folders_are_classes(tmp_path: Path) -> None:
    write_folders(tmp_path / "train", {"b": 3, "a": 2})
    write_folders(tmp_path / "test", {"b": 1})
    (tmp_path / "train" / "a" / "notes.txt").write_text("no picture")
    (tmp_path / "train" / ".cache").mkdir()
    said: list[str] = []
    source = folder(tmp_path, "mine", size=8, note=said.append)
    assert source.class_names == ("a", "b")
    assert names(source, "train") == [
        "train/a/0.png", "train/a/1.png", "train/b/0.png", "train/b/1.png", "train/b/2.png",
    ]  # fmt: skip
    np.testing.assert_array_equal(source.splits["train"].labels, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(source.splits["test"].labels, [1])
    np.testing.assert_array_equal(
        source.splits["train"].read(3, 8, 3), np.full((8, 8, 3), (5, 1, 254))
    )
    assert len(said) == 1
    assert "1 files that are no pictures passed over (.txt)" in said[0]


def test_without_a_test_folder_each_class_gives_its_share(tmp_path: Path) -> None:
    write_folders(tmp_path / "train", {"a": 20, "b": 4, "c": 2})
    source, again = (of_folder(tmp_path, test_fraction=0.2) for _ in range(2))
    train, test = (names(source, split) for split in ("train", "test"))
    assert not set(train) & set(test)
    assert len(set(train) | set(test)) == 26
    np.testing.assert_array_equal(np.bincount(source.splits["test"].labels), [4, 1, 1])
    assert test == names(again, "test")
    for fraction in (0.0, 1.0, -1.0):
        with pytest.raises(InputError, match=r"must lie in \(0, 1\)"):
            of_folder(tmp_path, test_fraction=fraction)


def test_a_single_picture_cannot_be_split() -> None:
    with pytest.raises(InputError, match="class 1 has a single picture"):
        stratified(np.array([0, 0, 1]), 0.5)
    with pytest.raises(InputError, match="class dog has a single picture"):
        stratified(np.array([0, 0, 1]), 0.5, ("cat", "dog"))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (None, None, "has no folder train"),
        ({}, None, "train is empty"),
        ({"a": 1, "b": 0, "c": 0}, None, r"2 classes have no pictures \(b, c\)"),
        ({"a": 1, "b": 1}, {"a": 0}, r"test: 1 classes have no pictures \(a\)"),
        ({"a": 1, "b": 1}, {}, "test is empty"),
        ({"a": 1, "b": 1}, {"c": 1}, r"classes that train has not: c"),
        ({"Cat": 1, "cat": 1}, None, r"classes 'Cat' and 'cat' have the same name"),
        ({"caf\u00e9": 1, "cafe\u0301": 1}, None, "have the same name but for how it is written"),
        ({"a": 4}, None, "two classes or more"),
    ],
)
def test_folders_that_are_refused(
    tmp_path: Path, train: dict[str, int] | None, test: dict[str, int] | None, message: str
) -> None:
    for split, counts in (("train", train), ("test", test)):
        if counts is not None:
            (tmp_path / split).mkdir()
            write_folders(tmp_path / split, counts)
    with pytest.raises(InputError, match=message) as caught:
        of_folder(tmp_path)
    assert "\n" not in str(caught.value)


def test_broken_and_enormous_files_are_named(tmp_path: Path) -> None:
    write_folders(tmp_path / "train", {"a": 2, "b": 2})
    write_folders(tmp_path / "test", {"a": 1})
    (tmp_path / "train" / "a" / "0.png").write_bytes(b"no picture")
    (tmp_path / "train" / "a" / "1.png").unlink()
    bomb = Image.new("1", (20_000, 6_000))
    bomb.save(tmp_path / "train" / "a" / "1.png")
    source = of_folder(tmp_path)
    with pytest.raises(InputError, match=r"a/0\.png: not a picture"):
        source.splits["train"].read(0, 8, 3)
    with pytest.raises(InputError, match=r"a/1\.png: 20000x6000 is more than 100,000,000 pixels"):
        source.splits["train"].read(1, 8, 3)
    (tmp_path / "train" / "b" / "0.png").unlink()
    with pytest.raises(InputError, match=r"b/0\.png: No such file"):
        source.splits["train"].read(2, 8, 3)


def idx_bytes(values: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
    )


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 5), np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0], np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for word in ("train", "t10k"):
        for kind, values in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            content = gzip.compress(idx_bytes(values))
            (tmp_path / f"{word}-{kind}-ubyte.gz").write_bytes(content)
    return tmp_path


def test_idx_images_are_kept_as_they_are(files: Path) -> None:
    content = gzip.decompress((files / "train-images-idx3-ubyte.gz").read_bytes())
    (files / "train-images-idx3-ubyte").write_bytes(content)  # plain files are taken, too
    source = idx(files, "mine", pad=2)
    assert (source.size, source.channels, source.class_names) == (9, 1, ("0", "1", "2"))
    for split in ("train", "test"):
        pictures = source.splits[split]
        np.testing.assert_array_equal(pictures.labels, LABELS)
        for row in range(6):
            image = pictures.read(row, 9, 1)
            assert (image.shape, image.dtype) == ((9, 9, 1), np.uint8)
            np.testing.assert_array_equal(image[2:7, 2:7, 0], IMAGES[row])
            assert image.sum(dtype=int) == IMAGES[row].sum(dtype=int)


def test_idx_class_names_must_suffice(files: Path) -> None:
    assert idx(files, "mine", class_names=("x", "y", "z")).class_names == ("x", "y", "z")
    with pytest.raises(InputError, match="train has the label 2, but there are 2 classes"):
        idx(files, "mine", class_names=("x", "y"))
    with pytest.raises(InputError, match="classes with no pictures: w"):
        idx(files, "mine", class_names=("x", "y", "z", "w"))
    with pytest.raises(InputError, match="--pad must be at least 0"):
        idx(files, "mine", pad=-1)


GOOD = idx_bytes(IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\x00\x00\x08\x01" + GOOD[4:], r"begins with 00 00 08 01"),
        (b"\x00\x00\x0d\x03" + GOOD[4:], "not an idx file of uint8"),
        (GOOD[:-1], "claims 150 values but holds 149"),
        (GOOD + b"x", "claims 150 values but holds more"),
        (GOOD[:9], "claims the size"),
        (GOOD[:4] + b"\xff" * 12, "which cannot be"),
        (GOOD[:4] + bytes(12), "which cannot be"),
        (None, "no such file"),
    ],
)
def test_broken_idx_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "images"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_idx(path, 3)


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(GOOD, mtime=0)[:60]], ids=["other", "cut short"]
)
def test_broken_compression(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'images.gz'} cannot be read")):
        read_idx(tmp_path / "images.gz", 3)
