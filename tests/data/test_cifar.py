"""CIFAR's archives that are not right: damaged, endless, of the other set, somewhere else."""

import gzip
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import cifar_files
from helpers.cifar_files import (
    PARTS,
    packed,
    planes,
    source,
)
from helpers.python2 import python2

from alexnet_jax import InputError


def cut(name: str, count: int) -> Callable[[Path], Any]:
    """Takes bytes off the end of a file."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-count])


def replaced(name: str, content: bytes | str) -> Callable[[Path], Any]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data)


def removed(*names: str) -> Callable[[Path], Any]:
    return lambda folder: [(folder / name).unlink() for name in names]


def held(**changes: Any) -> bytes:
    """The first batch of pickled pictures with other values; None leaves a key out."""
    images, labels = (values[:5] for values in PARTS["cifar10"][0])
    batch = cifar_files.batch("cifar10", "data_batch_1", images, labels) | changes
    return python2({key: value for key, value in batch.items() if value is not None})


FIRST = planes(PARTS["cifar10"][0][0][:5])


@pytest.mark.parametrize(
    ("dataset", "form", "damage", "message"),
    [
        ("cifar10", "python", removed("data_batch_3"), "lacks data_batch_3$"),
        ("cifar10", "python", removed("batches.meta", "test_batch"), "batches.meta, test_batch$"),
        ("cifar10", "binary", removed("batches.meta.txt"), r"lacks batches\.meta\.txt$"),
        ("cifar100", "python", removed("test"), "lacks test$"),
        ("cifar10", "binary", cut("data_batch_2.bin", 1), r"15,364 bytes, no multiple of .* cut"),
        ("cifar10", "binary", replaced("test_batch.bin", b""), "has 0 bytes"),
        ("cifar10", "python", cut("data_batch_2", 1), "data_batch_2: not a whole pickle"),
        ("cifar10", "python", replaced("test_batch", b"\x89PNG"), "test_batch: not a whole pick"),
        ("cifar10", "python", replaced("test_batch", python2([1])), "holds no dictionary"),
        (
            "cifar10",
            "python",
            replaced("test_batch", b"cos\nsystem\n(S'true'\ntR."),
            "names os.system, which is no array; nothing was executed",
        ),
        ("cifar10", "python", replaced("data_batch_1", held(data=None)), "no array `data`"),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(data=FIRST.astype(np.float32))),
            "should be uint8, found f4",
        ),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(data=FIRST[:, :-1])),
            r"pictures of 3072 values, found \(5, 3071\)",
        ),
        ("cifar10", "python", replaced("data_batch_1", held(labels=None)), "no list `labels`"),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(labels=[0, 1, 10**500, 2, 3])),
            "no list `labels` of whole numbers",
        ),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(labels=[1, 2, 3])),
            "5 pictures and 3 labels",
        ),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(labels=[0, 1, 10, 2, 3])),
            "data_batch_1 gives picture 2 the label 10; labels are 0 to 9",
        ),
        (
            "cifar10",
            "python",
            replaced("data_batch_1", held(labels=[0, -1, 1, 2, 3])),
            "picture 1 the label -1",
        ),
        (
            "cifar100",
            "binary",
            replaced("test.bin", bytes([3, 100]) + bytes(3072)),
            "test.bin gives picture 0 the label 100; labels are 0 to 99",
        ),
        ("cifar10", "binary", replaced("batches.meta.txt", "a\nb\n"), "2 names .* instead of 10"),
        ("cifar10", "binary", replaced("batches.meta.txt", "a\n" * 10), "different names"),
        (
            "cifar10",
            "python",
            replaced("batches.meta", python2({"label_names": "abc"})),
            "no list `label_names` of names",
        ),
    ],
)
def test_damaged_files(
    cifar_folders: dict[tuple[str, str], Path],
    tmp_path: Path,
    dataset: str,
    form: str,
    damage: Callable[[Path], Any],
    message: str,
) -> None:
    folder = Path(shutil.copytree(cifar_folders[dataset, form], tmp_path / "copied"))
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        source(folder, dataset)
    assert str(folder) in str(caught.value) or "different names" in message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("form", ["python", "binary"])
def test_files_that_are_damaged_at_random(
    cifar_folders: dict[tuple[str, str], Path], tmp_path: Path, form: str
) -> None:
    """Bytes changed, left out and put in, near either end: refused in a line, or read."""
    folder = Path(shutil.copytree(cifar_folders["cifar100", form], tmp_path / "copied"))
    random, told = np.random.default_rng(3), list[str]()
    for _ in range(60):
        path = random.choice(sorted(folder.iterdir()))
        before = path.read_bytes()
        place = int(random.integers(min(len(before), 600)))
        place = random.choice([place, len(before) - 1 - place])
        new = bytes(random.choice(list(b"(.0]}egbR\x85\x86\x87cUTX\x8aJK"), random.integers(3)))
        path.write_bytes(before[:place] + new + before[place + int(random.integers(3)) :])
        try:
            source(folder, "cifar100")
        except InputError as error:
            told.append(str(error))
        path.write_bytes(before)
    assert len(told) > 15
    assert all("\n" not in line and len(line) < 600 for line in told)


@pytest.mark.parametrize("form", ["python", "binary"])
def test_the_other_data_set(
    cifar_folders: dict[tuple[str, str], Path], tmp_path: Path, form: str
) -> None:
    archive = packed(cifar_folders["cifar100", form], tmp_path / "cifar-10-python.tar.gz")
    for place in (archive, tmp_path):
        with pytest.raises(InputError, match=r"holds CIFAR-100, not CIFAR-10: .*py cifar100` rea"):
            source(place, "cifar10")
    with pytest.raises(InputError, match=r"holds CIFAR-10, not CIFAR-100: .*py cifar10` reads"):
        source(cifar_folders["cifar10", form], "cifar100")


def test_other_places(cifar_folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """A file too low, a directory too high, none at all, and one without such files."""
    folder = cifar_folders["cifar10", "python"]
    with pytest.raises(InputError, match=f"one of several files; give their directory {folder}"):
        source(folder / "data_batch_1", "cifar10")
    with pytest.raises(InputError, match="nowhere: no such file or directory"):
        source(tmp_path / "nowhere", "cifar10")
    with pytest.raises(InputError, match=r"no file of CIFAR-10, such as batches\.meta, .* no o"):
        source(tmp_path, "cifar10")
    shutil.copytree(folder.parent, tmp_path / "inner")
    (tmp_path / "notes.txt").write_text("a file")
    with pytest.raises(InputError, match=r"no file of CIFAR-10, .*, but inner/, notes\.txt"):
        source(tmp_path, "cifar10")


def test_damaged_archives(cifar_folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    archive = packed(cifar_folders["cifar10", "binary"], tmp_path / "whole.tar.gz")
    data = gzip.decompress(archive.read_bytes())
    for name, content, message in (
        ("cut.tar.gz", archive.read_bytes()[:-5000], "cannot be read: Compressed file ended"),
        ("wrong.tar.gz", archive.read_bytes()[:100] + bytes(200), "cannot be read: "),
        ("cut.tar", data[: len(data) // 2], "the archive cut short|not a whole tar"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(600), "not a whole tar archive"),
        ("page.html", b"<html>", "is not a whole tar archive"),
        ("empty.tar", b"", "is not a whole tar archive"),
        ("zip.zip", b"PK\x03\x04" + bytes(range(256)) * 4, "is not a whole tar archive"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            source(tmp_path / name, "cifar10")
        assert str(caught.value).startswith(str(tmp_path / name))
    link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        tar.addfile(link)
    with pytest.raises(InputError, match="is not a plain file"):
        source(tmp_path / "link.tar", "cifar10")
    with tarfile.open(tmp_path / "twice.tar", "w") as tar:
        for place in ("a", "b"):
            tar.add(cifar_folders["cifar10", "binary"], place)
    with pytest.raises(InputError, match=r"\.bin' is there twice, in two folders|txt' is there"):
        source(tmp_path / "twice.tar", "cifar10")


def test_archives_that_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexnet_jax.data.sources.cifar_files._MOST_BYTES", 1 << 16)
    (tmp_path / "zeros.tar.gz").write_bytes(gzip.compress(bytes(1 << 17)))
    with pytest.raises(InputError, match="more than 65,536 bytes; no CIFAR archive has"):
        source(tmp_path / "zeros.tar.gz", "cifar10")
