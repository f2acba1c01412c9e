"""Pictures in folders, one folder for each class: the usual form of one's own data."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.sources.source import Pictures, Source, decode, stratified
from alexnet_jax.errors import InputError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


@dataclass(frozen=True)
class FolderPictures:
    """Picture files below a directory, with their paths relative to it."""

    directory: Path
    paths: tuple[str, ...]
    labels: np.ndarray

    def name(self, number: int) -> str:
        return self.paths[number]

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        path = self.directory / self.paths[number]
        try:
            return decode(path.read_bytes(), str(path), size, channels)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None

    def chosen(self, rows: np.ndarray) -> FolderPictures:
        paths = tuple(self.paths[row] for row in rows.tolist())
        return FolderPictures(self.directory, paths, self.labels[rows])


def folder(
    images: Path,
    name: str,
    *,
    size: int = 256,
    channels: int = 3,
    test_fraction: float = 0.1,
    note: Callable[[str], None] = print,
) -> Source:
    """Return the pictures of IMAGES/train/CLASS/* and IMAGES/test/CLASS/* as a source.

    Without a test folder, a share of train, `test_fraction`, is the test split. Classes are the
    folders of train in the order of their names. Files are pictures if they end in .jpg, .jpeg,
    .png, .webp or .bmp; others are skipped, and `note` is called with their count.

    Raises:
      InputError: train does not exist, a class has no pictures, two class names differ only in
        case or spelling variants of Unicode, or test has a class that train lacks.
    """
    if not (images / "train").is_dir():
        fault = "has no folder train" if images.is_dir() else "is not a directory"
        raise InputError(f"{images} {fault}; IMAGES/train/CLASS/*.jpg is expected")
    names = _folders(images / "train")
    _require_different(images / "train", names)
    train = _listed(images, "train", names, note)
    splits: dict[str, Pictures]
    if (images / "test").is_dir():
        unknown = set(_folders(images / "test")) - set(names)
        if unknown:
            raise InputError(f"{images / 'test'} has classes that train has not: {_some(unknown)}")
        splits = {"train": train, "test": _listed(images, "test", names, note)}
    else:
        rows = stratified(train.labels, test_fraction)
        splits = {"train": train.chosen(rows[0]), "test": train.chosen(rows[1])}
    return Source(name, size, channels, tuple(names), splits, {"kind": "folder"})


def _folders(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if _is_visible(entry) and entry.is_dir())
    if not names:
        raise InputError(f"{directory} is empty; a folder for each class is expected there")
    return names


def _is_visible(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".")


def _require_different(directory: Path, names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold().strip()
        if plain in seen:
            raise InputError(
                f"{directory}: classes {seen[plain]!r} and {name!r} have the same name but for "
                "how it is written; rename or join them"
            )
        seen[plain] = name


def _listed(
    images: Path, split: str, names: list[str], note: Callable[[str], None]
) -> FolderPictures:
    paths: list[str] = []
    labels: list[int] = []
    empty, other = set(), 0
    for label, name in enumerate(names):
        directory = images / split / name
        if split == "test" and not directory.exists():
            continue
        with os.scandir(directory) as entries:
            files = sorted(e.name for e in entries if _is_visible(e) and e.is_file())
        own = [file for file in files if Path(file).suffix.lower() in SUFFIXES]
        other += len(files) - len(own)
        if not own:
            empty.add(name)
        paths += [f"{split}/{name}/{file}" for file in own]
        labels += [label] * len(own)
    if empty:
        raise InputError(
            f"{images / split}: {len(empty)} classes have no pictures ({_some(empty)}); "
            f"files that end in {', '.join(sorted(SUFFIXES))} are taken"
        )
    if other:
        note(f"{images / split}: {other} files that are no pictures passed over")
    return FolderPictures(images, tuple(paths), np.array(labels, np.int32))


def _some(names: set[str]) -> str:
    first = sorted(names)[:5]
    return ", ".join(first) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
