"""Layouts of folders of pictures: which files are of which split and class, and what is unused."""

from __future__ import annotations

import csv
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.data.images import SUFFIXES
from alexnet_jax.data.picture_stream import TESTS, is_directory, is_file, split_folders
from alexnet_jax.errors import InputError, printable

Note = Callable[[str], None]
Files = list[tuple[str, str]]  # path relative to the directory, class

# ImageNet as Kaggle distributes it: the pictures' folder, and the classes of those in `val`.
_KAGGLE, _SOLUTION = Path("ILSVRC/Data/CLS-LOC"), "LOC_val_solution.csv"
_NUMBERED = re.compile(r"(.+)\.\d+\.[^.]+")  # CLASS.NUMBER.jpg
_SPLITS = frozenset({"train", "training", "testing", "test1", *TESTS})


@dataclass(frozen=True)
class Layout:
    """Files of a folder's splits; without `test`, a share of `train` has to test."""

    directory: Path
    class_names: tuple[str, ...]
    train: Files
    test: Files | None


def read_layout(images: Path, note: Note) -> Layout:
    """Find the splits and classes of a folder of pictures.

    Train is IMAGES/train/CLASS/*, or IMAGES/train/CLASS.NUMBER.jpg, or both without train/. Test is
    the first of the folders test, val, valid and validation with classes. Kaggle's ImageNet is
    read from IMAGES/ILSVRC/Data/CLS-LOC or this folder itself, with LOC_val_solution.csv for val.

    Args:
      images: the folder.
      note: called with a line about each part that is left unused.

    Raises:
      InputError: not a directory; another layout; a class has no pictures; two class names differ
        only in case or spelling variants of Unicode; test has a class that train lacks.
    """
    say, note = note, lambda text: say(printable(text))
    if not images.is_dir():
        raise InputError(f"{images} is not a directory; IMAGES/train/CLASS/*.jpg is expected")
    base = images
    if not (images / "train").is_dir() and (images / _KAGGLE / "train").is_dir():
        base = images / _KAGGLE
    divided = (base / "train").is_dir()
    top = base / "train" if divided else base
    if not divided:
        _require_classes(base)
    train = _labelled(top, base, note)
    names = tuple(sorted({name for _, name in train}))
    _require_different(top, names)
    for name in names:
        if name.casefold().startswith("background"):
            note(f"{top}: {name} is taken as a class like the others; move it away if it is none")
    if not divided:
        return Layout(base, names, train, None)
    split, test, used = _test(base, images, set(names), note)
    _note_unused(base, {"train", split, *used}, note)
    return Layout(base, names, train, test)


def _test(
    base: Path, images: Path, names: set[str], note: Note
) -> tuple[str, Files | None, set[str]]:
    """Return the folder that tests, its files or None, and other names that serve it."""
    existing = split_folders(base)
    for split in existing:
        folder = base / split
        solution = _solution(base, images) if split == "val" else None
        if not folders_in(folder) and solution is None and not _by_name(folder):
            continue
        if solution is not None and not folders_in(folder):
            files, served = _solved(folder, base, solution), {_SOLUTION}
        else:
            files, served = _labelled(folder, base, note), set[str]()
        unknown = {name for _, name in files} - names
        if unknown:
            raise InputError(f"{folder} has classes that train has not: {some(unknown)}")
        return split, files, served
    if len(existing) == 1 and not pictures_in(base / existing[0]):
        raise InputError(
            f"{base / existing[0]} is empty; a folder for each class is expected there"
        )
    return "", None, set()


def _labelled(directory: Path, base: Path, note: Note) -> Files:
    """List DIRECTORY/CLASS/*, or DIRECTORY/CLASS.NUMBER.jpg if there are no folders."""
    classes = folders_in(directory)
    if not classes:
        return _flat(directory, base, note)
    files: Files = []
    other, empty, inner = Counter[str](), set(), 0
    for name in classes:
        found = _visible(directory / name)
        own = sorted(e.name for e in found if is_file(e) and _is_picture(e.name))
        other.update(_suffix(e.name) for e in found if is_file(e) and not _is_picture(e.name))
        inner += sum(map(is_directory, found))
        if not own:
            empty.add(name)
        files += [((directory / name / file).relative_to(base).as_posix(), name) for file in own]
    if empty:
        tiny = all((directory / name / "images").is_dir() for name in empty)
        raise InputError(
            f"{directory}: {len(empty)} classes have no pictures ({some(empty)}); "
            f"files that end in {', '.join(sorted(SUFFIXES))} are taken"
            + ("; if this is Tiny ImageNet, `prepare.py tiny_imagenet` reads it" if tiny else "")
        )
    if other:
        kinds = some(set(other))
        note(f"{directory}: {other.total()} files that are no pictures passed over ({kinds})")
    if inner:
        note(f"{directory}: {inner} folders inside of the folders of classes passed over")
    _note_unused(directory, set(classes), note)
    return files


def _flat(directory: Path, base: Path, note: Note) -> Files:
    """List DIRECTORY/CLASS.NUMBER.jpg."""
    pictures, named = pictures_in(directory), _by_name(directory)
    if not pictures:
        raise InputError(_empty(directory))
    if not named:
        raise InputError(
            f"{directory} has {len(pictures):,} pictures and no folders of classes; put those of "
            "each class in a folder of its name, or name them CLASS.NUMBER.jpg"
        )
    _note_unused(directory, set(named), note)
    return [((directory / file).relative_to(base).as_posix(), named[file]) for file in named]


def _empty(directory: Path) -> str:
    return f"{directory} is empty; a folder for each class is expected there"


def _by_name(directory: Path) -> dict[str, str]:
    """Return the classes of pictures CLASS.NUMBER.jpg by file; none if one has another name."""
    matches = {file: _NUMBERED.fullmatch(file) for file in pictures_in(directory)}
    classes = {file: match[1] for file, match in matches.items() if match is not None}
    return classes if len(classes) == len(matches) else {}


def _solution(base: Path, images: Path) -> Path | None:
    """Return the file with the classes of Kaggle's validation pictures, if there is one."""
    places = [images, *base.absolute().parents[:3]]
    return next((p / _SOLUTION for p in places if (p / _SOLUTION).is_file()), None)


def _solved(folder: Path, base: Path, solution: Path) -> Files:
    """List the pictures of a folder with the classes of ImageNet's solution file.

    Its lines are ImageId,PredictionString, the second of them the class and places in the picture.
    """
    with open(solution, newline="", encoding="utf-8", errors="replace") as file:
        rows = [row for row in csv.reader(file) if len(row) == 2 and row[1].split()]
    classes = {row[0]: row[1].split()[0] for row in rows}
    files = pictures_in(folder)
    unknown = [file for file in files if Path(file).stem not in classes]
    if unknown:
        raise InputError(f"{solution} names no class of {some(unknown)}")
    return [
        ((folder / file).relative_to(base).as_posix(), classes[Path(file).stem]) for file in files
    ]


def _require_classes(base: Path) -> None:
    """Raise InputError unless a folder without train consists of classes."""
    folders = folders_in(base)
    wrong = [name for name in folders if name.casefold() in _SPLITS or not pictures_in(base / name)]
    if len(folders) == 1 and wrong and len(folders_in(base / folders[0])) > 1:
        raise InputError(
            f"{base} has no folder train, but one folder of folders; try --images "
            f"{base / folders[0]}"
        )
    if wrong or not (folders or pictures_in(base)):
        there = f"; there are {some(folders)}" if folders else ""
        raise InputError(
            f"{base} has no folder train{there}; IMAGES/train/CLASS/*.jpg is expected, or "
            "IMAGES/CLASS/*.jpg to have a share of each class test"
        )


def _require_different(directory: Path, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold().strip()
        if plain in seen:
            raise InputError(
                f"{directory}: classes {seen[plain]!r} and {name!r} have the same name but for "
                "how it is written; rename or join them"
            )
        seen[plain] = name


def _note_unused(base: Path, used: set[str], note: Note) -> None:
    unused = [entry.name for entry in _visible(base) if entry.name not in used]
    if unused:
        note(f"{base}: left unused: {some(unused)}")


def _visible(directory: Path) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def folders_in(directory: Path) -> list[str]:
    """Return the names of a directory's folders in order, without those that begin with a dot."""
    return sorted(entry.name for entry in _visible(directory) if is_directory(entry))


def pictures_in(directory: Path) -> list[str]:
    """Return the names of a directory's pictures in order, as `folders_in` those of folders."""
    return sorted(e.name for e in _visible(directory) if is_file(e) and _is_picture(e.name))


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _suffix(name: str) -> str:
    return Path(name).suffix.lower() or name


def some(names: Iterable[str]) -> str:
    """Join the first five names in their order, and count the others."""
    every = sorted(names)
    return ", ".join(every[:5]) + (f" and {len(every) - 5} more" if len(every) > 5 else "")
