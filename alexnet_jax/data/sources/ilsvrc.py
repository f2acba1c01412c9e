"""ImageNet's archives of 2012 as they are distributed, read without unpacking.

`ILSVRC2012_img_train.tar` is a tar of 1,000 tars, one for each class; `ILSVRC2012_img_val.tar`
contains the validation pictures. Their labels come with tensorflow_datasets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alexnet_jax.data.plain import Ground
from alexnet_jax.data.sources.source import Pictures, Source, decode
from alexnet_jax.data.sources.tar import members
from alexnet_jax.display import Progress, words_by_synset
from alexnet_jax.errors import InputError

TRAIN, VALIDATION = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
CLASSES, TRAIN_PICTURES, VALIDATION_PICTURES = 1000, 1_281_167, 50_000
_CLASS = re.compile(r"(n\d{8})\.tar")
_PICTURE = re.compile(r"(n\d{8})_\d{1,9}\.JPEG")
_VALIDATION = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
_MOST_BYTES = 2**26  # of a picture file; the largest real one has 15 MB


@dataclass(frozen=True)
class TarPictures:
    """Pictures inside an archive, with the offsets and sizes of their bytes."""

    archive: Path
    names: np.ndarray  # [N] bytes
    offsets: np.ndarray  # [N] int64
    sizes: np.ndarray  # [N] int64
    labels: np.ndarray  # [N] int32
    ground: Ground = "white"

    def name(self, number: int) -> str:
        return bytes(self.names[number]).decode()

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        with open(self.archive, "rb") as file:
            file.seek(self.offsets[number])
            data = file.read(self.sizes[number])
        name = f"{self.archive.name}: {self.name(number)}"
        return decode(data, name, size, channels, self.ground)


def class_names() -> tuple[str, ...]:
    """Return the 1,000 synsets in the order of their labels; `in_words` names them in words."""
    return tuple(words_by_synset())


def validation_labels() -> np.ndarray:
    """Return the label of each validation picture in the order of their numbers, [50000] int32."""
    import tensorflow_datasets as tfds

    label_of = {name: label for label, name in enumerate(class_names())}
    path = tfds.core.tfds_path("datasets/imagenet2012/validation_labels.txt")
    return np.array([label_of[name] for name in path.read_text().split()], np.int32)


def ilsvrc(
    archives: Path,
    name: str = "imagenet2012",
    *,
    size: int = 256,
    subset: bool = False,
    ground: Ground = "white",
) -> Source:
    """Return the two archives of a directory as a source, in colour; 256x256 as in 2012.

    Args:
      archives: directory of the two files.
      name: name of the data set.
      size: side of the stored images.
      subset: whether to accept archives with fewer pictures than the distributed ones.
      ground: ground on which transparency is laid.

    Raises:
      InputError: an archive is missing or broken, has members that do not belong there, or has too
        few pictures.
    """
    require_archives(archives)
    train, test = (
        replace(pictures, ground=ground)
        for pictures in (_train(archives / TRAIN), _validation(archives / VALIDATION))
    )
    present = len(np.unique(train.labels))
    counts = (present, len(train.labels), len(test.labels))
    if counts != (CLASSES, TRAIN_PICTURES, VALIDATION_PICTURES) and not subset:
        raise InputError(
            f"{archives} holds {present:,} classes, {counts[1]:,} training and {counts[2]:,} "
            f"validation pictures instead of {CLASSES:,}, {TRAIN_PICTURES:,} and "
            f"{VALIDATION_PICTURES:,}; if that is meant, --subset accepts it"
        )
    about = {"kind": "ilsvrc2012", "bytes": [train.sizes.sum().item(), test.sizes.sum().item()]}
    splits: dict[str, Pictures] = {"train": train, "test": test}
    return Source(name, size, 3, class_names(), splits, about, ground)


def require_archives(archives: Path) -> None:
    """Raise InputError unless both archives exist."""
    for file in (TRAIN, VALIDATION):
        if not (archives / file).is_file():
            raise InputError(f"{archives} has no file {file}; both archives are needed")


def _train(path: Path) -> TarPictures:
    label_of = {name: label for label, name in enumerate(class_names())}
    rows: list[tuple[bytes, int, int, int]] = []
    progress = Progress(f"{path.name}: table of contents", CLASSES, unit="classes")
    with open(path, "rb") as file:
        for outer, start in members(file, 0, path.stat().st_size, str(path), None):
            match = _CLASS.fullmatch(outer.name)
            if match is None or match[1] not in label_of:
                raise InputError(f"{path}: {outer.name!r} is not the archive of one of the classes")
            where, count = f"{path}: {outer.name}", len(rows)
            for inner, offset in members(file, start, start + outer.size, where, _MOST_BYTES):
                picture = _PICTURE.fullmatch(inner.name)
                if picture is None or picture[1] != match[1]:
                    raise InputError(f"{where}: {inner.name!r} is not a picture of this class")
                rows.append((inner.name.encode(), offset, inner.size, label_of[match[1]]))
            if len(rows) == count:
                raise InputError(f"{where} has no pictures")
            progress.advance(1)
    progress.finish()
    return _pictures(path, rows)


def _validation(path: Path) -> TarPictures:
    labels, rows = validation_labels(), []
    with open(path, "rb") as file:
        for member, offset in members(file, 0, path.stat().st_size, str(path), _MOST_BYTES):
            match = _VALIDATION.fullmatch(member.name)
            if match is None or not 1 <= int(match[1]) <= len(labels):
                raise InputError(f"{path}: {member.name!r} is not a validation picture")
            label = int(labels[int(match[1]) - 1])
            rows.append((member.name.encode(), offset, member.size, label))
    return _pictures(path, rows)


def _pictures(path: Path, rows: list[tuple[bytes, int, int, int]]) -> TarPictures:
    if not rows:
        raise InputError(f"{path} has no pictures")
    names, offsets, sizes, labels = zip(*rows, strict=True)
    return TarPictures(
        path,
        np.array(names),
        np.array(offsets, np.int64),
        np.array(sizes, np.int64),
        np.array(labels, np.int32),
    )
