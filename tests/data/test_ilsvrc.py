"""ImageNet's archives, in small: every picture found in place, and archives that are not right."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.images import read_stored
from alexnet_jax.data.sources.ilsvrc import (
    TRAIN,
    VALIDATION,
    class_names,
    ilsvrc,
    validation_labels,
)
from alexnet_jax.data.sources.miniature import miniature
from alexnet_jax.data.sources.source import Source

SYNSETS = ("n01440764", "n01443537", "n01484850")  # the first three


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("archives")
    miniature(directory, classes=3, train=6, validation=2)
    return directory


@pytest.fixture(scope="module")
def source(archives: Path) -> Source:
    return ilsvrc(archives, size=64, subset=True)


def test_classes_are_those_of_tfds() -> None:
    names = class_names()
    feature = tfds.builder("imagenet2012").info.features["label"]
    assert tuple(feature.names) == names
    assert names[:3] == SYNSETS
    labels = validation_labels()
    np.testing.assert_array_equal(np.bincount(labels), np.full(1000, 50))
    assert [names[label] for label in labels[:2]] == ["n01751748", "n09193705"]


def test_every_picture_is_found_in_place(archives: Path, source: Source, tmp_path: Path) -> None:
    """As unpacking both levels of the archives and reading the files gives it."""
    with tarfile.open(archives / TRAIN) as outer:
        outer.extractall(tmp_path, filter="data")
    files: dict[str, Path] = {}
    for synset in SYNSETS:
        with tarfile.open(tmp_path / f"{synset}.tar") as inner:
            inner.extractall(tmp_path / synset, filter="data")
        files |= {path.name: path for path in (tmp_path / synset).iterdir()}
    train = source.splits["train"]
    assert sorted(files) == sorted(train.name(row) for row in range(18))
    for row in range(18):
        name = train.name(row)
        assert SYNSETS[train.labels[row]] == name.split("_")[0]
        try:
            want = read_stored(files[name], size=64, channels=3)
        except InputError:
            with pytest.raises(InputError, match=f"{TRAIN}: {name}: damaged picture"):
                train.read(row, 64, 3)
            continue
        np.testing.assert_array_equal(train.read(row, 64, 3), want)


def test_oddities_are_there_and_read(archives: Path, source: Source) -> None:
    with tarfile.open(archives / TRAIN) as outer:
        file = outer.extractfile(f"{SYNSETS[0]}.tar")
        assert file is not None
        with tarfile.open(fileobj=file) as inner:
            data = [inner.extractfile(member).read() for member in inner.getmembers()]  # type: ignore[union-attr]
    kinds = []
    for content in data:
        with Image.open(io.BytesIO(content)) as picture:
            kinds.append((picture.format, picture.mode))
    assert (
        kinds
        == [("JPEG", "CMYK"), ("PNG", "RGB"), ("JPEG", "RGB"), ("JPEG", "L")]
        + [("JPEG", "RGB")] * 2
    )
    train = source.splits["train"]
    images = {row: train.read(row, 64, 3) for row in range(6) if row != 2}
    for row, image in images.items():
        assert 20 < image.std() < 110, row  # the cat, in no false colours
        assert 60 < image.mean() < 170, row
    assert np.all(images[3] == images[3][..., :1])
    with pytest.raises(InputError, match="truncated"):
        train.read(2, 64, 3)


def test_validation_labels_are_by_number(source: Source) -> None:
    test = source.splits["test"]
    assert sorted(test.labels) == [0, 0, 1, 1, 2, 2]
    for row in range(6):
        number = int(test.name(row).removeprefix("ILSVRC2012_val_").removesuffix(".JPEG"))
        assert test.labels[row] == validation_labels()[number - 1]
    assert len({test.read(row, 64, 3).tobytes() for row in range(6)}) == 6


def test_too_few_pictures_must_be_meant(archives: Path) -> None:
    with pytest.raises(InputError, match=r"holds 3 classes, 18 .* 6 .* 1,281,167.*--subset"):
        ilsvrc(archives)


def test_a_missing_archive(archives: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"has no file {TRAIN}"):
        ilsvrc(tmp_path)
    (tmp_path / TRAIN).write_bytes((archives / TRAIN).read_bytes())
    with pytest.raises(InputError, match=f"has no file {VALIDATION}"):
        ilsvrc(tmp_path)
    with pytest.raises(InputError, match="is there already"):
        miniature(archives)


def tar(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return file.getvalue()


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def claiming(name: str, size: int) -> bytes:
    """An archive whose one member claims a size."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def extended(size: int) -> bytes:
    """An archive that begins with an extended header that claims a size."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(2**20)


ONE, TWO = f"{SYNSETS[0]}_1.JPEG", f"{SYNSETS[0]}_2.JPEG"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "path traversal": (tar((f"../{ONE}", b"x")), r"'\.\./n01440764_1\.JPEG' is not a picture of"),
    "absolute path": (tar((f"/{ONE}", b"x")), "is not a picture of this class"),
    "another class": (tar((f"{SYNSETS[1]}_1.JPEG", b"x")), "is not a picture of this class"),
    "link": (tar(link(ONE)), "is not a plain file"),
    "twice": (tar((ONE, b"x"), (TWO, b"x"), (ONE, b"y")), "is there twice"),
    "enormous": (claiming(ONE, 2**40), "claims 1,099,511,627,776 bytes, more than there are"),
    "enormous header": (extended(2**33 - 1), "a header claims 8,589,934,592 bytes"),
    "negative": (claiming(ONE, -(2**40)), "not a whole tar|claims -"),
    "no tar": (b"no tar at all" * 1000, "is not a whole tar archive"),
    "cut short": (tar((ONE, b"x" * 9000))[:4000], "more than there are"),
    "nothing": (tar(), "has no pictures"),
}


@pytest.mark.parametrize(("inner", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_class_archives(archives: Path, tmp_path: Path, inner: bytes, message: str) -> None:
    (tmp_path / VALIDATION).write_bytes((archives / VALIDATION).read_bytes())
    (tmp_path / TRAIN).write_bytes(tar((f"{SYNSETS[0]}.tar", inner)))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        ilsvrc(tmp_path, subset=True)
    assert TRAIN in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(tmp_path.rglob("*")) == before


def dotted(*members: tuple[str, bytes]) -> bytes:
    """An archive as `tar cf FILE .` writes it: the directory itself, and names that begin ./"""
    directory = tarfile.TarInfo("./")
    directory.type = tarfile.DIRTYPE
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(directory)
        for name, content in members:
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_archives_made_of_a_directory(tmp_path: Path) -> None:
    """`tar cf X .` in place of `tar cf X *`, for both archives and the classes' own."""
    (tmp_path / TRAIN).write_bytes(
        dotted(*((f"{name}.tar", dotted((f"{name}_1.JPEG", b"x"))) for name in SYNSETS[:2]))
    )
    (tmp_path / VALIDATION).write_bytes(dotted(("ILSVRC2012_val_00000007.JPEG", b"x")))
    source = ilsvrc(tmp_path, subset=True)
    train, test = source.splits["train"], source.splits["test"]
    assert [train.name(row) for row in range(2)] == [f"{name}_1.JPEG" for name in SYNSETS[:2]]
    assert (test.name(0), list(test.labels)) == (
        "ILSVRC2012_val_00000007.JPEG", [validation_labels()[6]],
    )  # fmt: skip
    with pytest.raises(InputError, match=f"{SYNSETS[0]}_1.JPEG: not a picture"):
        train.read(0, 8, 3)
    inner = dotted((ONE, b"x"), (f"./{ONE}", b"x"))
    (tmp_path / TRAIN).write_bytes(dotted((f"{SYNSETS[0]}.tar", inner)))
    with pytest.raises(InputError, match="is there twice"):
        ilsvrc(tmp_path, subset=True)


OUTER: dict[str, tuple[bytes, str]] = {
    "unknown class": (tar(("n00000000.tar", tar((ONE, b"x")))), "not the archive of one of the"),
    "plain picture": (tar((ONE, b"x")), "not the archive of one of the classes"),
    "class twice": (tar(*[(f"{SYNSETS[0]}.tar", tar((ONE, b"x")))] * 2), "is there twice"),
    "cut short": (tar((f"{SYNSETS[0]}.tar", tar((ONE, b"x"))))[:2048], "more than there are"),
    "empty": (b"", "has no pictures|not a whole tar"),
}


@pytest.mark.parametrize(("outer", "message"), OUTER.values(), ids=OUTER)
def test_hostile_outer_archives(archives: Path, tmp_path: Path, outer: bytes, message: str) -> None:
    (tmp_path / VALIDATION).write_bytes((archives / VALIDATION).read_bytes())
    (tmp_path / TRAIN).write_bytes(outer)
    with pytest.raises(InputError, match=message):
        ilsvrc(tmp_path, subset=True)


@pytest.mark.parametrize(
    "name",
    ["ILSVRC2012_val_00000000.JPEG", "ILSVRC2012_val_00050001.JPEG", "val_1.JPEG", "../a.JPEG"],
)
def test_validation_pictures_have_numbers(archives: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / TRAIN).write_bytes((archives / TRAIN).read_bytes())
    (tmp_path / VALIDATION).write_bytes(tar((name, b"x")))
    with pytest.raises(InputError, match="is not a validation picture"):
        ilsvrc(tmp_path, subset=True)


@pytest.mark.parametrize("change", [{"classes": 1}, {"classes": 17}, {"train": 4}])
def test_miniature_checks_its_numbers(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="2 to 16 classes"):
        miniature(tmp_path / "new", **change)
    assert not (tmp_path / "new").exists()
