"""Collections of named pictures, with labels if there are classes: a data set or a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.dataset import Dataset
from alexnet_jax.data.picture_stream import (
    Listed,
    Read,
    is_directory,
    make_reader,
    pictures_in,
    split_folders,
)
from alexnet_jax.data.plain import Ground
from alexnet_jax.data.registry import load
from alexnet_jax.errors import InputError

SPLITS = ("train", "test")
UNLABELLED = -1


@dataclass(frozen=True)
class Collection:
    """N pictures in a fixed order.

    Attributes:
      names: different names; the path in the folder for files, SPLIT/ROW for others.
      splits: "train" or "test" for each picture, "" where there are no splits.
      labels: [N] int32 indices into `class_names`; `UNLABELLED` for pictures without a class.
      shape: shape of the stored images, (S, S, C).
      read: function from a range of numbers to their stored images, with an InputError in the
        position of each picture that cannot be read.
      at_a_time: number of pictures to read in one call.
      about: location of the pictures, from which `from_description` recreates the collection.
    """

    names: tuple[str, ...]
    splits: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    read: Read
    at_a_time: int
    about: dict[str, str]

    def __len__(self) -> int:
        return len(self.names)


def from_description(about: dict[str, str], shape: tuple[int, int, int]) -> Collection:
    """Recreate the collection that `about` describes."""
    if "images" in about:
        # Earlier versions laid transparency on black, and did not say so.
        ground: Ground = "white" if about.get("ground") == "white" else "black"
        return collection_of_folder(Path(about["images"]), shape, about["resize"], ground)
    return collection_of_dataset(about["data"], about["data_dir"], shape)


def collection_of_dataset(name: str, data_dir: str, shape: tuple[int, int, int]) -> Collection:
    """Return both splits of a data set, loaded by name as with `data.load`.

    Raises:
      InputError: no such data set, or its images have another shape.
    """
    dataset = load(name, data_dir)
    if dataset.train.images.shape[1:] != shape:
        stored, taken = ("x".join(map(str, s)) for s in (dataset.train.images.shape[1:], shape))
        raise InputError(f"{name} stores images of {stored}, but the network takes {taken}")
    counts = [len(split) for split in (dataset.train, dataset.test)]
    return Collection(
        names=tuple(
            f"{split}/{row}" for split, n in zip(SPLITS, counts, strict=True) for row in range(n)
        ),
        splits=tuple(np.repeat(SPLITS, counts).tolist()),
        labels=np.concatenate([dataset.train.labels, dataset.test.labels]),
        class_names=dataset.class_names,
        shape=shape,
        read=_rows(dataset),
        at_a_time=32,
        about={"data": name, "data_dir": data_dir},
    )


def _rows(dataset: Dataset) -> Read:
    first = len(dataset.train)

    def read(numbers: range) -> Sequence[np.ndarray]:
        train = dataset.train.images[numbers.start : min(numbers.stop, first)]
        test = dataset.test.images[max(numbers.start - first, 0) : max(numbers.stop - first, 0)]
        return [*train, *test]

    return read


def collection_of_folder(
    directory: Path,
    shape: tuple[int, int, int],
    resize: str = "short_bicubic",
    ground: Ground = "white",
) -> Collection:
    """Return the pictures of a folder, in the order of their names, resized as by `read_stored`.

    The folder contains DIR/train/CLASS/* and DIR/test/CLASS/* (or val, valid or validation in its
    place), as for preparing a data set; or
    DIR/CLASS/*; or DIR/*, without classes. A file's suffix decides whether it is a picture.

    Raises:
      InputError: not a directory; a folder without pictures.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory")
    files: list[tuple[str, str, Path]] = []  # split, class, path
    for split, folder in _splits(directory).items():
        top = directory / folder
        classes = _folders(top)
        if classes:
            files += [(split, name, path) for name in classes for path in pictures_in(top / name)]
        else:
            files += [(split, "", path) for path in pictures_in(top)]
    class_names = tuple(sorted({name for _, name, _ in files if name}))
    label_of = {name: label for label, name in enumerate(class_names)}
    pictures = [Listed(str(path), named=False) for _, _, path in files]
    return Collection(
        names=tuple(path.relative_to(directory).as_posix() for _, _, path in files),
        splits=tuple(split for split, _, _ in files),
        labels=np.array([label_of.get(name, UNLABELLED) for _, name, _ in files], np.int32),
        class_names=class_names,
        shape=shape,
        read=make_reader(pictures, shape[0], shape[2], resize, ground),
        at_a_time=1,
        about={"images": str(directory.resolve()), "resize": resize, "ground": ground},
    )


def _splits(directory: Path) -> dict[str, str]:
    """Return the folder of each split, or {"": ""} without splits.

    Beside train, the pictures to test with are in the first of `TESTS` with classes, or the first.
    """
    train = {"train": "train"} if (directory / "train").is_dir() else {}
    tests = [name for name in split_folders(directory) if train or name == "test"]
    tests.sort(key=lambda name: not _folders(directory / name))
    test = {"test": tests[0]} if tests else {}
    return train | test or {"": ""}


def _folders(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if is_directory(e) and not e.name.startswith("."))
