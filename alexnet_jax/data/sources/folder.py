"""Pictures in folders, one folder for each class: the usual form of one's own data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alexnet_jax.data.plain import Ground
from alexnet_jax.data.sources.folder_layout import Files, read_layout
from alexnet_jax.data.sources.source import Pictures, Source, decode, stratified
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class FolderPictures:
    """Picture files below a directory, with their paths relative to it."""

    directory: Path
    paths: tuple[str, ...]
    labels: np.ndarray
    ground: Ground = "white"

    def name(self, number: int) -> str:
        return self.paths[number]

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        path = self.directory / self.paths[number]
        try:
            with open(path, "rb") as file:
                return decode(file, str(path), size, channels, self.ground)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None

    def chosen(self, rows: np.ndarray) -> FolderPictures:
        paths = tuple(self.paths[row] for row in rows.tolist())
        return replace(self, paths=paths, labels=self.labels[rows])


def folder(
    images: Path,
    name: str,
    *,
    size: int = 256,
    channels: int = 3,
    test_fraction: float = 0.1,
    ground: Ground = "white",
    note: Callable[[str], None] = print,
) -> Source:
    """Return the pictures of IMAGES/train/CLASS/* and IMAGES/test/CLASS/* as a source.

    `read_layout` says which other layouts are read. Without a folder to test with, a share of
    train, `test_fraction`, is the test split. Classes are in the order of their names. Files are
    pictures by their suffixes, `images.SUFFIXES`. `note` is called with what is left unused.

    Raises:
      InputError: as `read_layout`; `test_fraction` is not in (0, 1).
    """
    layout = read_layout(images, note)
    label_of = {name: label for label, name in enumerate(layout.class_names)}

    def pictures(files: Files) -> FolderPictures:
        labels = np.array([label_of[name] for _, name in files], np.int32)
        return FolderPictures(layout.directory, tuple(path for path, _ in files), labels, ground)

    train = pictures(layout.train)
    splits: dict[str, Pictures]
    if layout.test is not None:
        splits = {"train": train, "test": pictures(layout.test)}
    else:
        rows = stratified(train.labels, test_fraction, layout.class_names)
        splits = {"train": train.chosen(rows[0]), "test": train.chosen(rows[1])}
    about = {"kind": "folder"}
    return Source(name, size, channels, layout.class_names, splits, about, ground)
