"""Pictures with names, and classes where they have any: a data set, or a folder as it lies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax import data
from alexnet_jax.data.dataset import Dataset
from alexnet_jax.data.picture_stream import Listed, Read, pictures_in, reader
from alexnet_jax.errors import InputError

SPLITS = ("train", "test")
UNLABELLED = -1


@dataclass(frozen=True)
class Collection:
    """N pictures in a fixed order.

    Attributes:
      names: all different; files by their paths in the folder, others as SPLIT/ROW.
      splits: "train" or "test" of each, "" where there are none.
      labels: [N] int32, places in `class_names`; `UNLABELLED` for all where there are no classes.
      shape: (S, S, C) of the stored images.
      read: the stored images of some numbers, or what is wrong with each.
      at_a_time: numbers to be read in one go.
      about: where the pictures are, for `again`.
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


def again(about: dict[str, str], shape: tuple[int, int, int]) -> Collection:
    """The collection that says so about itself."""
    if "images" in about:
        return of_folder(Path(about["images"]), shape, about["resize"])
    return of_dataset(about["data"], about["data_dir"], shape)


def of_dataset(name: str, data_dir: str, shape: tuple[int, int, int]) -> Collection:
    """Both splits of a data set, by name as `data.load`.

    Raises:
      InputError: no such data set, or one of images of another shape.
    """
    dataset = data.load(name, data_dir)
    if dataset.train.images.shape[1:] != shape:
        found, want = ("x".join(map(str, s)) for s in (dataset.train.images.shape[1:], shape))
        raise InputError(f"{name} stores images of {found}, but the network takes {want}")
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


def of_folder(
    directory: Path, shape: tuple[int, int, int], resize: str = "short_bicubic"
) -> Collection:
    """The pictures of a folder, in the order of their names, resized as `read_stored` does.

    DIR/train/CLASS/* and DIR/test/CLASS/*, as data sets are prepared from; or DIR/CLASS/*; or
    DIR/*, without classes. What is a picture is told by how its name ends.

    Raises:
      InputError: not a directory; a folder without pictures.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory")
    splits = [split for split in SPLITS if (directory / split).is_dir()]
    found: list[tuple[str, str, Path]] = []
    for split in splits or [""]:
        top = directory / split
        below = _folders(top)
        if below:
            found += [(split, name, path) for name in below for path in pictures_in(top / name)]
        else:
            found += [(split, "", path) for path in pictures_in(top)]
    class_names = tuple(sorted({name for _, name, _ in found if name}))
    places = {name: place for place, name in enumerate(class_names)}
    pictures = [Listed(str(path), named=False) for _, _, path in found]
    return Collection(
        names=tuple(path.relative_to(directory).as_posix() for _, _, path in found),
        splits=tuple(split for split, _, _ in found),
        labels=np.array([places.get(name, UNLABELLED) for _, name, _ in found], np.int32),
        class_names=class_names,
        shape=shape,
        read=reader(pictures, shape[0], shape[2], resize),
        at_a_time=1,
        about={"images": str(directory.resolve()), "resize": resize},
    )


def _folders(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
