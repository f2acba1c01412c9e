"""CIFAR-10 and CIFAR-100 from the archives of their authors."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from alexnet_jax.data.sources.cifar_files import CLASSES, Buffer, Form, read_files
from alexnet_jax.data.sources.source import Pictures, Source
from alexnet_jax.errors import InputError
from alexnet_jax.pickles import PickledArray, array_names, load

Labels = Literal["fine", "coarse"]
SIDE, CHANNELS = 32, 3
COARSE_CLASSES = 20
TRAIN_PICTURES, TEST_PICTURES = 50_000, 10_000
_VALUES = CHANNELS * SIDE * SIDE  # of a picture: planes of red, green and blue, row by row


@dataclass(frozen=True)
class CifarPictures:
    """Pictures of a split of an archive, which each process that reads them loads once."""

    archive: Path
    dataset: str
    split: str
    crc32: tuple[int, int]  # of all pictures of train and of test
    labels: np.ndarray

    def name(self, number: int) -> str:
        return f"{self.split}[{number}]"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        planes = _loaded(self.archive, self.dataset, self.crc32)[self.split][number]
        return np.ascontiguousarray(planes.reshape(CHANNELS, SIDE, SIDE).transpose(1, 2, 0))


def cifar10(archive: Path, name: str = "cifar10", *, note: Callable[[str], None] = print) -> Source:
    """Return CIFAR-10 as a source of 32x32 pictures in ten classes.

    Args:
      archive: cifar-10-python.tar.gz or cifar-10-binary.tar.gz, unpacked or not, or a directory
        that contains one of them.
      name: name of the data set.
      note: called with a line if the archive has not 50,000 and 10,000 pictures.

    Raises:
      InputError: files are missing, cut short or damaged, or of another data set; a label has no
        class.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009
    """
    return _source("cifar10", archive, name, "fine", note)


def cifar100(
    archive: Path,
    name: str = "cifar100",
    *,
    labels: Labels = "fine",
    note: Callable[[str], None] = print,
) -> Source:
    """Return CIFAR-100 as a source; arguments as of `cifar10`.

    `labels` are the 100 classes ("fine") or the 20 that join five of these each ("coarse").
    """
    return _source("cifar100", archive, name, labels, note)


def _source(
    dataset: str, archive: Path, name: str, kind: Labels, note: Callable[[str], None]
) -> Source:
    place, form, files = read_files(archive, dataset)
    class_names = _class_names(place, form, files, kind)
    parts = {
        "train": _pictures(place, form, form.train, files, kind, len(class_names)),
        "test": _pictures(place, form, form.test, files, kind, len(class_names)),
    }
    crc32 = _crc32({split: planes for split, (planes, _) in parts.items()})
    splits: dict[str, Pictures] = {
        split: CifarPictures(place, dataset, split, crc32, labels)
        for split, (_, labels) in parts.items()
    }
    _note_counts(place, splits, class_names, note)
    about = {"kind": dataset, "labels": kind, "crc32": crc32}
    return Source(name, SIDE, CHANNELS, class_names, splits, about)


def _note_counts(
    place: Path,
    splits: dict[str, Pictures],
    class_names: tuple[str, ...],
    note: Callable[[str], None],
) -> None:
    counts = [len(splits[split].labels) for split in ("train", "test")]
    if counts != [TRAIN_PICTURES, TEST_PICTURES]:
        empty = len(class_names) - len(np.unique(splits["train"].labels))
        note(
            f"{place} has {counts[0]:,} training and {counts[1]:,} test pictures instead of "
            f"{TRAIN_PICTURES:,} and {TEST_PICTURES:,}"
            + (f", and none to train on of {empty} classes" if empty else "")
        )


def _crc32(planes: dict[str, np.ndarray]) -> tuple[int, int]:
    return zlib.crc32(planes["train"]), zlib.crc32(planes["test"])


@functools.lru_cache(maxsize=1)
def _loaded(archive: Path, dataset: str, crc32: tuple[int, int]) -> dict[str, np.ndarray]:
    """Load the pictures of both splits, [N, 3072] uint8."""
    place, form, files = read_files(archive, dataset)
    parts = {"train": form.train, "test": form.test}
    planes = {
        split: np.concatenate([_batch(place, form, name, files[name])[0] for name in names])
        for split, names in parts.items()
    }
    if _crc32(planes) != crc32:
        raise InputError(f"{archive} was changed while it was read")
    return planes


def _pictures(
    place: Path,
    form: Form,
    names: tuple[str, ...],
    files: dict[str, Buffer],
    kind: Labels,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures [N, 3072] uint8 and labels [N] int32 of a split."""
    planes, labels = [], []
    for name in names:
        images, labels_of = _batch(place, form, name, files[name])
        own = labels_of[kind]
        wrong = [row for row, label in enumerate(own) if not 0 <= label < classes]
        if wrong:
            raise InputError(
                f"{place}: {name} gives picture {wrong[0]} the label {own[wrong[0]]}; labels are "
                f"0 to {classes - 1}"
            )
        planes.append(images)
        labels.append(np.array(own, np.int32))
    return np.concatenate(planes), np.concatenate(labels)


def _batch(
    place: Path, form: Form, name: str, data: Buffer
) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Return the pictures [N, 3072] uint8 of a file, and their labels of each kind."""
    if form.binary:
        return _records(place, form, name, data)
    held = _pickled(place, name, data)
    array = held.get("data")
    if not isinstance(array, PickledArray):
        raise InputError(f"{place}: {name} has no array `data` of pictures")
    shape, dtype = array.layout(f"`data` of {place / name}", ("u1",), "uint8")
    if len(shape) != 2 or shape[1] != _VALUES or not shape[0]:
        raise InputError(f"{place}: {name} should hold pictures of {_VALUES} values, found {shape}")
    labels = {}
    for kind in form.names:
        key = form.key(kind, "labels")
        values = held.get(key)
        if not isinstance(values, list) or not all(map(_is_small, values)):
            raise InputError(f"{place}: {name} has no list `{key}` of whole numbers")
        if len(values) != shape[0]:
            raise InputError(f"{place}: {name} has {shape[0]:,} pictures and {len(values):,} {key}")
        labels[kind] = values
    return array.read(shape, dtype), labels


def _is_small(value: object) -> bool:
    return type(value) is int and -(2**31) <= value < 2**31


def _records(
    place: Path, form: Form, name: str, data: Buffer
) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Read records of the labels' bytes and the pictures' 3,072."""
    kinds = tuple(form.names)
    length = len(kinds) + _VALUES
    if not len(data) or len(data) % length:
        raise InputError(
            f"{place}: {name} has {len(data):,} bytes, no multiple of the {length:,} of a picture; "
            "is it cut short?"
        )
    rows = np.frombuffer(data, np.uint8).reshape(-1, length)
    labels = {kind: rows[:, column].tolist() for column, kind in enumerate(kinds)}
    return rows[:, len(kinds) :], labels


def _class_names(
    place: Path, form: Form, files: dict[str, Buffer], kind: Labels
) -> tuple[str, ...]:
    file = form.names[kind]
    if form.binary:
        lines = bytes(files[file]).decode("latin1").splitlines()
        names: Any = [line.strip() for line in lines if line.strip()]
    else:
        key = form.key(kind, "label_names")
        names = _pickled(place, file, files[file]).get(key)
        if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
            raise InputError(f"{place}: {file} has no list `{key}` of names")
        names = [name.decode("latin1") if isinstance(name, bytes) else name for name in names]
    classes = CLASSES[form.dataset] if kind == "fine" else COARSE_CLASSES
    if len(names) != classes:
        raise InputError(f"{place}: {file} has {len(names)} names of classes instead of {classes}")
    return tuple(names)


def _pickled(place: Path, name: str, data: Buffer) -> dict[str, Any]:
    """Read a pickled dictionary; Python 2 wrote its strings, which Python 3 may have as bytes."""
    try:
        held = load(io.BytesIO(data), array_names(), encoding="latin1")
    except InputError as error:
        raise InputError(f"{place}: {name}: {error}") from error
    if not isinstance(held, dict):
        raise InputError(f"{place}: {name} holds no dictionary")
    return {k.decode("latin1") if isinstance(k, bytes) else str(k): v for k, v in held.items()}
