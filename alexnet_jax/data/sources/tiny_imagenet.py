"""Tiny ImageNet as it is distributed: 200 of ImageNet's classes at 64x64."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from alexnet_jax.data.plain import Ground
from alexnet_jax.data.sources.folder import FolderPictures
from alexnet_jax.data.sources.folder_layout import folders_in, pictures_in, some
from alexnet_jax.data.sources.source import Pictures, Source
from alexnet_jax.errors import InputError

SIDE = 64
CLASSES, TRAIN_PICTURES, TEST_PICTURES = 200, 100_000, 10_000
_FOLDER = "tiny-imagenet-200"  # of the archive
_ANNOTATIONS = "val_annotations.txt"
_WNID = re.compile(r"n\d{8}")


def tiny_imagenet(
    images: Path,
    name: str = "tiny_imagenet",
    *,
    size: int = SIDE,
    ground: Ground = "white",
    note: Callable[[str], None] = print,
) -> Source:
    """Return Tiny ImageNet as a source; its validation pictures are the test split.

    The directory has train/WNID/images/*.JPEG, val/images/*.JPEG with val/val_annotations.txt, and
    words.txt. Its folder test, which has no labels, is left unused. Classes are in the order of
    their WNIDs, named by the first of their words: "goldfish" for n01443537.

    Args:
      images: this directory, or the one in which it is called tiny-imagenet-200.
      name: name of the data set.
      size: side of the stored images.
      ground: ground on which transparency is laid.
      note: called with a line about other counts than the distributed ones.

    Raises:
      InputError: files are missing; a class has no pictures or no words; the annotations name an
        unknown class or lack a picture.
    """
    base = _base(images)
    wnids = [folder for folder in folders_in(base / "train") if _WNID.fullmatch(folder)]
    if not wnids:
        raise InputError(f"{base / 'train'} has no folders of classes, such as n01443537")
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    splits: dict[str, Pictures] = {
        "train": _pictures(base, _train(base, wnids), label_of, ground),
        "test": _pictures(base, _validation(base, label_of), label_of, ground),
    }
    counts = (len(wnids), *(len(splits[split].labels) for split in ("train", "test")))
    if counts != (CLASSES, TRAIN_PICTURES, TEST_PICTURES):
        note(
            f"{base} has {counts[0]:,} classes, {counts[1]:,} training and {counts[2]:,} "
            f"validation pictures instead of {CLASSES:,}, {TRAIN_PICTURES:,} and {TEST_PICTURES:,}"
        )
    names = _names(base / "words.txt", wnids)
    return Source(name, size, 3, names, splits, {"kind": "tiny_imagenet", "wnids": wnids}, ground)


def _base(images: Path) -> Path:
    """Return the directory with the folders train and val: the given one, or one inside of it."""
    if not images.is_dir():
        raise InputError(f"{images} is not a directory; give that of Tiny ImageNet, {_FOLDER}")
    if images.name in ("train", "val") and (images.parent / "val" / _ANNOTATIONS).is_file():
        raise InputError(f"{images} is a part of Tiny ImageNet; give its directory {images.parent}")
    base = images / _FOLDER if (images / _FOLDER).is_dir() else images
    needed = ("train/", f"val/{_ANNOTATIONS}", "val/images/", "words.txt")
    missing = [part for part in needed if not (base / part).exists()]
    if missing:
        raise InputError(
            f"{base} lacks {some(missing)}; the directory {_FOLDER} as it is distributed is "
            "expected, and `prepare.py folder` reads train/CLASS/*.jpg"
        )
    return base


def _train(base: Path, wnids: Sequence[str]) -> list[tuple[str, str]]:
    """Return the path and WNID of each training picture."""
    files = []
    for wnid in wnids:
        folder = base / "train" / wnid / "images"
        own = pictures_in(folder) if folder.is_dir() else []
        if not own:
            raise InputError(f"{folder} has no pictures")
        files += [(f"train/{wnid}/images/{file}", wnid) for file in own]
    return files


def _validation(base: Path, label_of: dict[str, int]) -> list[tuple[str, str]]:
    """Return the path and WNID of each validation picture, in the order of their names."""
    path = base / "val" / _ANNOTATIONS
    classes: dict[str, str] = {}
    for number, fields in enumerate(_table(path), 1):
        if len(fields) < 2 or fields[1] not in label_of:
            raise InputError(
                f"{path}, line {number}: a picture and one of the classes of train are expected, "
                f"separated by a tab; found {' '.join(fields)[:60]!r}"
            )
        classes[fields[0]] = fields[1]
    present = pictures_in(base / "val" / "images")
    if missing := set(classes) - set(present):
        raise InputError(f"{base / 'val' / 'images'} lacks {some(missing)}, named in {path}")
    if unnamed := set(present) - set(classes):
        raise InputError(f"{path} names no class of {some(unnamed)}")
    return [(f"val/images/{file}", classes[file]) for file in present]


def _pictures(
    base: Path, files: list[tuple[str, str]], label_of: dict[str, int], ground: Ground
) -> FolderPictures:
    labels = np.array([label_of[wnid] for _, wnid in files], np.int32)
    return FolderPictures(base, tuple(path for path, _ in files), labels, ground)


def _names(path: Path, wnids: Sequence[str]) -> tuple[str, ...]:
    """Return the first word of each class, or all of them where two classes share the first."""
    words = {fields[0]: fields[1] for fields in _table(path) if len(fields) > 1}
    if unnamed := set(wnids) - set(words):
        raise InputError(f"{path} has no words for {some(unnamed)}")
    first = {wnid: words[wnid].split(",")[0].strip() for wnid in wnids}
    counts = Counter(first.values())
    return tuple(first[wnid] if counts[first[wnid]] == 1 else words[wnid] for wnid in wnids)


def _table(path: Path) -> list[list[str]]:
    """Return the fields, separated by tabs, of each line that is not empty."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [[field.strip() for field in line.split("\t")] for line in lines if line.strip()]
