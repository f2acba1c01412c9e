"""Features on disk, and the pictures that they are of."""

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import write_folders
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.analysis.feature_file import Origin, Rows, names_beside, read_features, writing
from alexnet_jax.data import load
from alexnet_jax.data.collection import (
    Collection,
    collection_of_dataset,
    collection_of_folder,
    from_description,
)

SHAPE = (32, 32, 1)
ORIGIN = Origin("fc7", "runs/a", 6, "ab" * 32, SHAPE, {"images": "/somewhere"}, ("a", "b"))
NAMES = ["x, y.png", 'quoted "z".png', "ü.png", "last"]
SPLITS = ["train", "train", "test", ""]
LABELS = np.array([0, 1, 1, -1], np.int32)
VALUES = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def write(path: Path) -> None:
    there = path.exists()
    with writing(path, 3, ORIGIN) as writer:
        for part in (slice(0, 3), slice(3, 3), slice(3, 4)):
            writer.add(VALUES[part], Rows(NAMES[part], SPLITS[part], LABELS[part]))
            assert path.exists() == there


@pytest.mark.parametrize("name", ["a.npy", "a.parquet"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path)
    found = read_features(path)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.values.dtype == np.float32
    assert (found.rows.names, found.rows.splits, found.origin) == (NAMES, SPLITS, ORIGIN)
    np.testing.assert_array_equal(found.rows.labels, LABELS)
    beside = {names_beside(path).name} if name == "a.npy" else set()
    assert {file.name for file in tmp_path.iterdir()} == {name} | beside
    if name == "a.npy":
        assert isinstance(found.values, np.memmap)


def test_a_table_for_others(tmp_path: Path) -> None:
    from pyarrow import parquet

    write(tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["class"] for row in table] == ["a", "b", "b", None]
    assert [row["label"] for row in table] == [0, 1, 1, None]
    assert table[1]["features"] == VALUES[1].tolist()


@pytest.mark.parametrize("name", ["a.npy", "a.parquet"])
def test_what_is_not_finished_is_not_there(name: str, tmp_path: Path) -> None:
    """And leaves what was there before."""
    path = tmp_path / name
    write(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def stopped() -> None:
        with writing(path, 3, ORIGIN) as writer:
            writer.add(VALUES, Rows(NAMES, [""] * 4, LABELS))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_files_that_hold_no_features(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            read_features(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "no such file" in refusal(tmp_path / "a.npy")
    assert ".npy or .parquet" in refusal(tmp_path / "a.csv")
    np.save(tmp_path / "a.npy", VALUES)
    assert "a.npy.json" in refusal(tmp_path / "a.npy")
    write(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", VALUES[:3])
    assert "holds (3, 3), but there are 4 names" in refusal(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    assert "does not hold features" in refusal(tmp_path / "a.npy")
    (tmp_path / "b.parquet").write_text("no table")
    assert "does not hold features" in refusal(tmp_path / "b.parquet")


def test_tables_need_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"need pyarrow: pip install 'alexnet_jax\[parquet\]'"):
        write(tmp_path / "a.parquet")
    write(tmp_path / "a.npy")
    assert {file.name for file in tmp_path.iterdir()} == {"a.npy", "a.npy.json"}


def shown(
    collection: Collection, shape: tuple[int, int, int] = SHAPE
) -> list[tuple[str, str, str]]:
    """(name, split, class) of each picture; all can be read, and again."""
    names = ["" if label < 0 else collection.class_names[label] for label in collection.labels]
    images = collection.read(range(len(collection)))
    other = from_description(collection.about, shape)
    for one, same in zip(images, other.read(range(len(other))), strict=True):
        np.testing.assert_array_equal(one, same)  # type: ignore[arg-type]
    return list(zip(collection.names, collection.splits, names, strict=True))


def test_a_data_set() -> None:
    dataset = load("digits_7to9")
    collection = collection_of_dataset("digits_7to9", "", SHAPE)
    first = len(dataset.train)
    found = shown(collection)
    assert found[first - 1][:2] == (f"train/{first - 1}", "train")
    assert found[first] == ("test/0", "test", str(7 + dataset.test.labels[0]))
    assert len(found) == first + len(dataset.test)
    images = collection.read(range(first - 2, first + 3))
    want = [*dataset.train.images[-2:], *dataset.test.images[:3]]
    np.testing.assert_array_equal(np.stack(images), np.stack(want))  # type: ignore[arg-type]
    (last,) = collection.read(range(first + 2, first + 3))
    np.testing.assert_array_equal(last, want[-1])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="stores images of 32x32x1, but the network takes 8x8x3"):
        collection_of_dataset("digits", "", (8, 8, 3))


def test_folders_as_they_lie(tmp_path: Path) -> None:
    write_folders(tmp_path / "split" / "train", {"b": 2, "a": 1})
    write_folders(tmp_path / "split" / "test", {"b": 1})
    assert shown(collection_of_folder(tmp_path / "split", SHAPE)) == [
        ("train/a/0.png", "train", "a"),
        ("train/b/0.png", "train", "b"),
        ("train/b/1.png", "train", "b"),
        ("test/b/0.png", "test", "b"),
    ]
    assert collection_of_folder(tmp_path / "split", SHAPE).class_names == ("a", "b")
    assert shown(collection_of_folder(tmp_path / "split" / "train", SHAPE)) == [
        ("a/0.png", "", "a"),
        ("b/0.png", "", "b"),
        ("b/1.png", "", "b"),
    ]
    plain = tmp_path / "split" / "train" / "b"
    assert shown(collection_of_folder(plain, SHAPE)) == [("0.png", "", ""), ("1.png", "", "")]
    (tmp_path / "empty").mkdir()
    for directory, words in (("empty", "has no pictures"), ("none", "is not a directory")):
        with pytest.raises(InputError, match=words):
            collection_of_folder(tmp_path / directory, SHAPE)
    with Image.open(plain / "1.png") as picture, pytest.raises(InputError, match="not a directory"):
        collection_of_folder(Path(picture.filename), SHAPE)
