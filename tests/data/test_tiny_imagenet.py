"""Tiny ImageNet's own layout: every picture in its class, and directories that are not right."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.pictures import quiet
from helpers.tiny_files import NAMES, VALIDATION, WNIDS, write_tiny
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.sources import Source, folder
from alexnet_jax.data.sources.tiny_imagenet import tiny_imagenet


def source(images: Path, **options: Any) -> Source:
    return tiny_imagenet(images, **{"note": quiet} | options)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def test_every_picture_in_its_class(tiny: Path) -> None:
    """From the directory or the one around it; classes sorted by WNID and named in words."""
    for place in (tiny, tiny.parent):
        found = source(place)
        assert (found.name, found.size, found.channels) == ("tiny_imagenet", 64, 3)
        assert found.class_names == NAMES
        train, test = found.splits["train"], found.splits["test"]
        assert len(train.labels) == 12
        for row, label in enumerate(train.labels):
            assert train.name(row) == f"train/{WNIDS[label]}/images/{WNIDS[label]}_{row % 3}.JPEG"
        assert [WNIDS[label] for label in test.labels] == list(VALIDATION)
        for pictures in (train, test):
            for row in (0, 4):  # the second of them is grey
                want = Image.open(tiny / pictures.name(row)).convert("RGB")
                np.testing.assert_array_equal(pictures.read(row, 64, 3), np.asarray(want))
    assert found.splits["train"].read(0, 8, 3).shape == (8, 8, 3)


def test_other_counts_are_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    source(tiny, note=told.append)
    assert "has 4 classes, 12 training and 5 validation pictures instead of 200, 100,000" in told[0]
    for name, count in (("CLASSES", 4), ("TRAIN_PICTURES", 12), ("TEST_PICTURES", 5)):
        monkeypatch.setitem(vars(sys.modules[tiny_imagenet.__module__]), name, count)
    source(tiny, note=told.append)
    assert len(told) == 1


def removed(*parts: str) -> Callable[[Path], Any]:
    def damage(base: Path) -> None:
        for part in parts:
            path = base / part
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def added(part: str, line: str) -> Callable[[Path], Any]:
    return lambda base: (base / part).write_text((base / part).read_text() + line)


def copied(part: str, name: str) -> Callable[[Path], Any]:
    return lambda base: shutil.copy(base / part, (base / part).with_name(name))


ANNOTATIONS = "val/val_annotations.txt"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (removed("words.txt"), r"lacks words\.txt; the directory tiny-imagenet-200 as it is"),
        (removed("train", ANNOTATIONS), r"lacks train/, val/val_annotations\.txt; .* folder` re"),
        (removed(f"train/{WNIDS[1]}/images"), f"{WNIDS[1]}/images has no pictures"),
        (removed(*(f"train/{wnid}" for wnid in WNIDS)), "no folders of classes, such as n0144"),
        (removed("val/images/val_3.JPEG"), r"images lacks val_3\.JPEG, named in .*_annotations"),
        (removed(f"train/{WNIDS[3]}"), "line 1: a picture and one of the classes of train"),
        (added(ANNOTATIONS, "\n \nval_9.JPEG"), r"line 6: .* by a tab; found 'val_9\.JPEG'"),
        (copied("val/images/val_0.JPEG", "val_9.JPEG"), r"txt names no class of val_9\.JPEG"),
        (
            lambda base: (base / "words.txt").write_text("n01443537\tgoldfish\nn02012849\n"),
            "no words for n02012849, n02123045, n03126707",
        ),
    ],
)
def test_directories_that_are_refused(
    tiny: Path, tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    base = Path(shutil.copytree(tiny, tmp_path / "copied"))
    damage(base)
    with pytest.raises(InputError, match=message) as caught:
        source(base)
    assert str(base) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_places(tiny: Path, tmp_path: Path) -> None:
    """A directory too low, a file, and a directory without such files."""
    for part in ("train", "val"):
        with pytest.raises(InputError, match=f"is a part of Tiny ImageNet; give its .* {tiny}$"):
            source(tiny / part)
    for place in (tiny / "words.txt", tmp_path / "nowhere"):
        with pytest.raises(InputError, match="is not a directory; give that of Tiny ImageNet"):
            source(place)
    with pytest.raises(InputError, match=r"lacks train/, val/images/, val/val_annotations\.txt, "):
        source(tmp_path)


def test_the_door_for_folders_names_this_one(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"4 classes have no .*; if this is Tiny .*tiny_imagenet`"):
        folder(tiny, "mine", note=quiet)
