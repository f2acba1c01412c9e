"""Folders of pictures as people have them: which files train and test, and what is named."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import write_folders
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.collection import collection_of_folder
from alexnet_jax.data.picture_stream import list_pictures, make_reader
from alexnet_jax.data.sources.folder import folder
from alexnet_jax.data.sources.source import Source


def names(source: Source, split: str) -> list[str]:
    pictures = source.splits[split]
    return [pictures.name(row) for row in range(len(pictures.labels))]


def read(images: Path) -> tuple[Source, list[str]]:
    """The source of a folder, and what was said about it."""
    said: list[str] = []
    return folder(images, "mine", size=8, note=said.append), said


def write(directory: Path, *files: str) -> None:
    """Pictures of one colour, in the format of their suffixes."""
    for number, file in enumerate(files):
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "JPEG" if path.suffix == ".JPEG" else None
        Image.new("RGB", (8, 8), (20 * number, 100, 50)).save(path, kind)


@pytest.mark.parametrize("split", ["test", "val", "valid", "validation"])
def test_folders_to_test_with(tmp_path: Path, split: str) -> None:
    write_folders(tmp_path / "train", {"a": 2, "b": 2})
    write_folders(tmp_path / split, {"b": 2})
    source, said = read(tmp_path)
    assert names(source, "test") == [f"{split}/b/0.png", f"{split}/b/1.png"]
    assert len(names(source, "train")) == 4
    assert not said
    collection = collection_of_folder(tmp_path, (8, 8, 3))
    assert collection.splits == ("train",) * 4 + ("test",) * 2
    np.testing.assert_array_equal(collection.labels, [0, 0, 1, 1, 1, 1])


def test_what_is_left_unused_is_named(tmp_path: Path) -> None:
    """A test folder without classes does not test, and pictures inside of no class are said."""
    write_folders(tmp_path / "train", {"a": 2, "b": 2})
    write_folders(tmp_path / "val", {"a": 1, "b": 1})
    write_folders(tmp_path / "valid", {"a": 1})
    write(tmp_path, "test/1.jpg", "train/stray.jpg", "train/a/inner/1.jpg")
    (tmp_path / "labels.csv").write_text("a")
    source, said = read(tmp_path)
    assert names(source, "test") == ["val/a/0.png", "val/b/0.png"]
    assert said[-1] == f"{tmp_path}: left unused: labels.csv, test, valid"
    assert said[:2] == [
        f"{tmp_path / 'train'}: 1 folders inside of the folders of classes passed over",
        f"{tmp_path / 'train'}: left unused: stray.jpg",
    ]


def test_every_ending_of_pictures(tmp_path: Path) -> None:
    """The endings that `predict` takes in a directory are those of a folder of classes."""
    kinds = ["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"]
    write(tmp_path, *(f"train/{name}/{kind}.{kind}" for name in "ab" for kind in kinds))
    write(tmp_path, "test/a/1.TIF")
    source, said = read(tmp_path)
    assert names(source, "train")[:8] == [f"train/a/{kind}.{kind}" for kind in kinds]
    assert names(source, "test") == ["test/a/1.TIF"]
    listed = list_pictures([str(tmp_path / "train" / "a")])
    assert [Path(picture.name).name for picture in listed] == [f"{kind}.{kind}" for kind in kinds]
    assert not said


def test_classes_in_the_names_of_files(tmp_path: Path) -> None:
    """train/cat.0.jpg and dog.0.jpg, beside pictures to be classified."""
    write(tmp_path, *(f"train/{name}.{number}.jpg" for name in ("dog", "cat") for number in "012"))
    write(tmp_path, "test1/1.jpg")
    source, said = read(tmp_path)
    assert source.class_names == ("cat", "dog")
    assert sorted(names(source, "train") + names(source, "test"))[0] == "train/cat.0.jpg"
    np.testing.assert_array_equal(np.bincount(source.splits["train"].labels), [2, 2])
    assert said == [f"{tmp_path}: left unused: test1"]
    assert read(tmp_path / "train")[0].class_names == ("cat", "dog")


def test_classes_without_a_split(tmp_path: Path) -> None:
    """IMAGES/CLASS/*, of which a share tests; a background class is named."""
    top = tmp_path / "101_ObjectCategories"
    write_folders(top, {"BACKGROUND_Google": 2, "ant": 2, "crab": 10})
    (top / "README").write_text("no picture")
    source, said = read(top)
    np.testing.assert_array_equal(np.bincount(source.splits["train"].labels), [1, 1, 9])
    assert "BACKGROUND_Google is taken as a class" in said[1]
    assert said[0] == f"{top}: left unused: README"
    with pytest.raises(InputError, match=f"no folder train, but one .*; try --images {top}$"):
        read(tmp_path)


def kaggle(directory: Path) -> Path:
    top = directory / "ILSVRC" / "Data" / "CLS-LOC"
    write(top, *(f"train/{name}/{name}_{k}.JPEG" for name in ("n02", "n01") for k in range(2)))
    write(top, "val/ILSVRC2012_val_1.JPEG", "val/ILSVRC2012_val_2.JPEG", "test/x.JPEG")
    rows = "ILSVRC2012_val_2,n01 1 2 3 4 \nILSVRC2012_val_1,n02 1 2 3 4 n02 5 6 7 8 \n"
    (directory / "LOC_val_solution.csv").write_text(f"ImageId,PredictionString\n{rows}")
    return top


def test_imagenet_of_kaggle(tmp_path: Path) -> None:
    top = kaggle(tmp_path)
    for images in (tmp_path, top):
        source, said = read(images)
        assert source.class_names == ("n01", "n02")
        assert names(source, "test") == ["val/ILSVRC2012_val_1.JPEG", "val/ILSVRC2012_val_2.JPEG"]
        np.testing.assert_array_equal(source.splits["test"].labels, [1, 0])
        assert source.splits["test"].read(1, 8, 3)[0, 0, 0] in range(15, 26)
        assert said == [f"{top}: left unused: test"]
    write(top, "val/ILSVRC2012_val_3.JPEG")
    with pytest.raises(InputError, match=r"names no class of ILSVRC2012_val_3\.JPEG"):
        read(tmp_path)
    (tmp_path / "LOC_val_solution.csv").unlink()
    assert read(tmp_path)[1] == [f"{top}: left unused: test, val"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/1.jpg", "train/2.jpg"], "train has 2 pictures and no folders of classes"),
        (["1.jpg"], "has 1 pictures and no folders of classes"),
        (["Training/a/1.jpg", "Testing/a/1.jpg"], "no folder train; there are Testing, Training"),
        (["val/a/1.jpg", "test/a/1.jpg"], "no folder train; there are test, val"),
    ],
)
def test_other_layouts_are_named(tmp_path: Path, files: list[str], message: str) -> None:
    write(tmp_path, *files)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_links_that_lead_nowhere_are_bad_pictures(tmp_path: Path) -> None:
    """One to itself and one to a file that is gone; one to a folder and a pipe are no pictures."""
    write_folders(tmp_path / "train", {"a": 1, "b": 1})
    write_folders(tmp_path / "test", {"a": 1})
    inside = tmp_path / "train" / "a"
    (inside / "loop.png").symlink_to("loop.png")
    (inside / "gone.png").symlink_to("nowhere")
    (tmp_path / "train" / "c").symlink_to("c")
    os.mkfifo(inside / "pipe.png")
    source, _ = read(tmp_path)
    assert names(source, "train")[:3] == [f"train/a/{k}.png" for k in ("0", "gone", "loop")]
    for row, message in ((1, "No such file"), (2, "Too many levels")):
        with pytest.raises(InputError, match=message):
            source.splits["train"].read(row, 8, 3)
    listed = list_pictures([str(inside)])
    assert [Path(one.name).name for one in listed] == ["0.png", "gone.png", "loop.png"]
    results = make_reader(listed, 8, 3)(range(3))
    assert [isinstance(one, InputError) for one in results] == [False, True, True]
