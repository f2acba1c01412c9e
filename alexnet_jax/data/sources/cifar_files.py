"""The forms in which CIFAR-10 and CIFAR-100 are distributed, and their files by name.

A python archive holds pickles that Python 2 wrote, a binary one records of bytes. Each is a tar
with gzip; it is read as it is, as a plain tar, or unpacked.

Source: https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.data.sources.folder_layout import some
from alexnet_jax.data.sources.tar import members
from alexnet_jax.errors import InputError

CLASSES = {"cifar10": 10, "cifar100": 100}
_TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
_MOST_BYTES = 2**29  # of an archive, unpacked; the largest real one has 186 MB
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Form:
    """One of the archives.

    Attributes:
      dataset: "cifar10" or "cifar100".
      folder: folder in which the archive holds its files.
      archive: name of the archive.
      train, test: files of the pictures.
      names: file of the class names by the kind of labels, "fine" or "coarse", in the order of the
        labels' bytes in a binary record.
    """

    dataset: str
    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: dict[str, str]

    @property
    def binary(self) -> bool:
        return self.test[0].endswith(".bin")

    def key(self, kind: str, suffix: str) -> str:
        """Return the key of a pickle's labels or label_names: "labels", "fine_labels", ..."""
        return suffix if len(self.names) == 1 else f"{kind}_{suffix}"

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, *self.test, *dict.fromkeys(self.names.values()))


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
FORMS = (
    Form(
        "cifar10",
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
        _BATCHES,
        ("test_batch",),
        {"fine": "batches.meta"},
    ),
    Form(
        "cifar10",
        "cifar-10-batches-bin",
        "cifar-10-binary.tar.gz",
        tuple(f"{name}.bin" for name in _BATCHES),
        ("test_batch.bin",),
        {"fine": "batches.meta.txt"},
    ),
    Form(
        "cifar100",
        "cifar-100-python",
        "cifar-100-python.tar.gz",
        ("train",),
        ("test",),
        {"coarse": "meta", "fine": "meta"},
    ),
    Form(
        "cifar100",
        "cifar-100-binary",
        "cifar-100-binary.tar.gz",
        ("train.bin",),
        ("test.bin",),
        {"coarse": "coarse_label_names.txt", "fine": "fine_label_names.txt"},
    ),
)


Buffer = bytes | memoryview


def read_files(path: Path, dataset: str) -> tuple[Path, Form, dict[str, Buffer]]:
    """Read the files of an archive of one data set.

    Args:
      path: the archive; or the directory of its files, or one that contains either under its name.
      dataset: "cifar10" or "cifar100".

    Returns:
      The archive or directory that has the files, its form, and the files by name.

    Raises:
      InputError: there is no such file or directory; it is of another kind, cut short or damaged;
        it is an archive of the other data set; files are missing.
    """
    place = _place(path, dataset)
    present: Mapping[str, Path | Buffer]
    present = _in_directory(place) if place.is_dir() else _in_tar(place)
    form = _form(place, dataset, present)
    contents: dict[str, Buffer] = {}
    for name in form.files:
        found = present[name]
        contents[name] = _content(found) if isinstance(found, Path) else found
    return place, form, contents


def _place(path: Path, dataset: str) -> Path:
    """Return the directory or archive that has the files: the given one, or one inside of it."""
    if not path.exists():
        raise InputError(f"{path}: no such file or directory")
    if not path.is_dir():
        siblings = set(_in_directory(path.parent))
        if any(path.name in form.files and siblings >= set(form.files) for form in FORMS):
            raise InputError(f"{path} is one of several files; give their directory {path.parent}")
        return path
    own = [form for form in FORMS if form.dataset == dataset]
    if any(form.test[0] in _in_directory(path) for form in FORMS):
        return path
    inside = [form.folder for form in own] + [form.archive for form in own]
    return next((path / name for name in inside if (path / name).exists()), path)


def _form(place: Path, dataset: str, present: Iterable[str]) -> Form:
    """Return the form of a data set whose files are all there; raise InputError if none is."""
    names = set(present)
    complete = [form for form in FORMS if names >= set(form.files)]
    for form in complete:
        if form.dataset == dataset:
            return form
    if complete:
        other = complete[0].dataset
        raise InputError(
            f"{place} holds {_TITLES[other]}, not {_TITLES[dataset]}: `prepare.py {other}` reads it"
        )
    own = [form for form in FORMS if form.dataset == dataset]
    nearest = max(own, key=lambda form: len(names & set(form.files)))
    if not names & set(nearest.files):
        if place.is_dir():
            names |= {f"{entry.name}/" for entry in place.iterdir() if entry.is_dir()}
        there = f"but {some(names)}" if names else "and no other"
        expected = some(own[0].files)
        raise InputError(f"{place} has no file of {_TITLES[dataset]}, such as {expected}, {there}")
    raise InputError(f"{place} lacks {some(set(nearest.files) - names)}")


def _in_directory(directory: Path) -> dict[str, Path]:
    """Return the plain files of a directory by name."""
    return {entry.name: entry for entry in directory.iterdir() if entry.is_file()}


def _in_tar(path: Path) -> dict[str, memoryview]:
    """Return the contents of a tar's files by their names, without the folder that has them."""
    data = _content(path)
    every = members(io.BytesIO(data), 0, len(data), str(path), folders=True)
    known = {name for form in FORMS for name in form.files}
    found: dict[str, memoryview] = {}
    for member, offset in every:
        name = member.name.rpartition("/")[2]
        if name in found and name in known:
            raise InputError(f"{path}: {name!r} is there twice, in two folders")
        found[name] = memoryview(data)[offset : offset + member.size]
    return found


def _content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked if gzip has packed it."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} has more than {_MOST_BYTES:,} bytes; no CIFAR archive has")
    return data
