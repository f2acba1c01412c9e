"""CIFAR's archives in each form: every picture with its label, and archives that are not right."""

import gzip
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import cifar_files
from helpers.cifar_files import HUNDRED, TEN, TWENTY, coarse, drawn, packed, planes, unpacked
from helpers.python2 import python2

from alexnet_jax import InputError
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.sources import Source
from alexnet_jax.data.sources import cifar as module
from alexnet_jax.data.sources.cifar import cifar10, cifar100

COUNTS = {"cifar10": (25, 7), "cifar100": (110, 6)}
PARTS = {
    name: (drawn(name, train, 1), drawn(name, test, 2)) for name, (train, test) in COUNTS.items()
}
CLASS_NAMES = {"cifar10": tuple(TEN), "cifar100": tuple(HUNDRED)}
EVERY = [(dataset, form) for dataset in COUNTS for form in ("python", "binary")]


def quiet(_: str) -> None:
    pass


def source(archive: Path, dataset: str, **options: Any) -> Source:
    return {"cifar10": cifar10, "cifar100": cifar100}[dataset](archive, **{"note": quiet} | options)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Unpacked archives; the directory of each has nothing else."""
    return {
        (dataset, form): unpacked(tmp_path_factory.mktemp(form), dataset, form, *PARTS[dataset])
        for dataset, form in EVERY
    }


@pytest.mark.parametrize(("dataset", "form"), EVERY)
def test_every_picture_with_its_label(
    folders: dict[tuple[str, str], Path], tmp_path: Path, dataset: str, form: str
) -> None:
    """From the folder, the directory around it, tars with and without gzip, and their directory;
    records and pickles are one data set."""
    folder = folders[dataset, form]
    ten = dataset.removeprefix("cifar")
    archive, plain = (
        packed(folder, tmp_path / name) for name in (f"cifar-{ten}-{form}.tar.gz", "any.tar")
    )
    plans = set()
    for place in (folder, folder.parent, archive, plain, tmp_path):
        found = source(place, dataset)
        plans.add(found.plan())
        assert (found.name, found.size, found.channels) == (dataset, 32, 3)
        assert found.class_names == CLASS_NAMES[dataset]
        for split, (images, labels) in zip(("train", "test"), PARTS[dataset], strict=True):
            pictures = found.splits[split]
            np.testing.assert_array_equal(pictures.labels, labels)
            assert pictures.labels.dtype == np.int32
            read = [pictures.read(row, 32, 3) for row in range(len(labels))]
            np.testing.assert_array_equal(np.stack(read), images)
            assert read[0].flags.c_contiguous
    plans.add(source(folders[dataset, "python"], dataset).plan())
    assert len(plans) == 1


@pytest.mark.parametrize("form", ["python", "binary"])
def test_coarse_labels(folders: dict[tuple[str, str], Path], form: str) -> None:
    found = source(folders["cifar100", form], "cifar100", labels="coarse")
    assert found.class_names == tuple(TWENTY)
    for split, (_, labels) in zip(("train", "test"), PARTS["cifar100"], strict=True):
        np.testing.assert_array_equal(found.splits[split].labels, coarse(labels))
    assert found.plan() != source(folders["cifar100", form], "cifar100").plan()


def test_other_counts_are_told(
    folders: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []
    source(folders["cifar10", "python"], "cifar10", note=told.append)
    assert len(told) == 1
    assert "has 25 training and 7 test pictures instead of 50,000 and 10,000" in told[0]
    assert "classes" not in told[0]
    few = unpacked(tmp_path, "cifar10", "binary", drawn("cifar10", 8, 1), drawn("cifar10", 3, 2))
    source(few, "cifar10", note=told.append)
    assert told[1].endswith("and none to train on of 2 classes")
    monkeypatch.setattr(module, "TRAIN_PICTURES", 25)
    monkeypatch.setattr(module, "TEST_PICTURES", 7)
    source(folders["cifar10", "python"], "cifar10", note=told.append)
    assert len(told) == 2


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_archives_that_python_3_wrote_again(tmp_path: Path, protocol: int) -> None:
    """With text or bytes as keys, and arrays as NumPy pickles them today."""
    folder = unpacked(tmp_path, "cifar10", "python", *PARTS["cifar10"])
    for name in ("data_batch_1", "batches.meta"):
        held = pickle.loads((folder / name).read_bytes(), encoding="bytes")
        if protocol == 2:
            held = pickle.loads((folder / name).read_bytes(), encoding="latin1")
        (folder / name).write_bytes(pickle.dumps(held, protocol))
    found = source(folder, "cifar10")
    assert found.class_names == tuple(TEN)
    np.testing.assert_array_equal(found.splits["train"].read(3, 32, 3), PARTS["cifar10"][0][0][3])


def test_a_prepared_archive(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """Its pixels, labels and class names are found by the data set's name."""
    prepare(source(folders["cifar10", "binary"], "cifar10"), tmp_path, workers=1, note=quiet)
    found = load_prepared("cifar10", tmp_path)
    assert found.class_names == tuple(TEN)
    for split, (images, labels) in zip((found.train, found.test), PARTS["cifar10"], strict=True):
        places = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
        read = split.images[:]
        assert [places.pop(image.tobytes()) for image in read] == split.labels.tolist()
        assert not places


def test_pixels_that_changed_meanwhile(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, "cifar10", "binary", *PARTS["cifar10"])
    found = source(folder, "cifar10")
    (folder / "test_batch.bin").write_bytes(bytes(3073))
    with pytest.raises(InputError, match="was changed while it was read"):
        found.splits["train"].read(0, 32, 3)


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
    folders: dict[tuple[str, str], Path],
    tmp_path: Path,
    dataset: str,
    form: str,
    damage: Callable[[Path], Any],
    message: str,
) -> None:
    folder = Path(shutil.copytree(folders[dataset, form], tmp_path / "copied"))
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        source(folder, dataset)
    assert str(folder) in str(caught.value) or "different names" in message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("form", ["python", "binary"])
def test_files_that_are_damaged_at_random(
    folders: dict[tuple[str, str], Path], tmp_path: Path, form: str
) -> None:
    """Bytes changed, left out and put in, near either end: refused in a line, or read."""
    folder = Path(shutil.copytree(folders["cifar100", form], tmp_path / "copied"))
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
    folders: dict[tuple[str, str], Path], tmp_path: Path, form: str
) -> None:
    archive = packed(folders["cifar100", form], tmp_path / "cifar-10-python.tar.gz")
    for place in (archive, tmp_path):
        with pytest.raises(InputError, match=r"holds CIFAR-100, not CIFAR-10: .*py cifar100` rea"):
            source(place, "cifar10")
    with pytest.raises(InputError, match=r"holds CIFAR-10, not CIFAR-100: .*py cifar10` reads"):
        source(folders["cifar10", form], "cifar100")


def test_other_places(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """A file too low, a directory too high, none at all, and one without such files."""
    folder = folders["cifar10", "python"]
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


def test_damaged_archives(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    archive = packed(folders["cifar10", "binary"], tmp_path / "whole.tar.gz")
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
            tar.add(folders["cifar10", "binary"], place)
    with pytest.raises(InputError, match=r"\.bin' is there twice, in two folders|txt' is there"):
        source(tmp_path / "twice.tar", "cifar10")


def test_archives_that_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexnet_jax.data.sources.cifar_files._MOST_BYTES", 1 << 16)
    (tmp_path / "zeros.tar.gz").write_bytes(gzip.compress(bytes(1 << 17)))
    with pytest.raises(InputError, match="more than 65,536 bytes; no CIFAR archive has"):
        source(tmp_path / "zeros.tar.gz", "cifar10")
