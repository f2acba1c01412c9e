"""Prepared images that are not as they were written end a run with a line that names them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import SHAPE, quiet, source

from alexnet_jax import InputError, data
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.mapped import images_name
from alexnet_jax.data.prefetch import Prefetch
from alexnet_jax.data.prepare.packing import PACKED, pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared, verify
from alexnet_jax.data.records import VERSION
from alexnet_jax.data.verified import VerifiedBatches


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 50 and 20 images, as records and packed."""
    directory = tmp_path_factory.mktemp("pristine")
    prepare(source(), directory, workers=1, note=quiet)
    pack("drawn", directory, workers=1, note=quiet)
    return directory


@pytest.fixture
def copied(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "data"))


def packed_file(directory: Path) -> Path:
    return directory / "drawn" / PACKED / images_name("train")


def records_file(directory: Path) -> Path:
    return next((directory / "drawn" / VERSION).glob("*-train.array_record-*"))


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0x10
    file.write_bytes(content)


def epoch(directory: Path, batch: int = 10) -> list[np.ndarray]:
    """The images of an epoch, in order of their rows."""
    split = load_prepared("drawn", directory).train
    stream = VerifiedBatches(split, batch, 0, "drawn")
    with Prefetch(stream) as batches:
        found = [next(batches)["image"] for _ in range(len(split) // batch)]
    return list(np.concatenate(found))


def flip_packed(directory: Path) -> None:
    """A bit of the last but one image."""
    file = packed_file(directory)
    flip(file, file.stat().st_size - int(np.prod(SHAPE)) - 5)


def flip_record(directory: Path) -> None:
    """A bit in the middle of the file of records, whose images are all of it but 2 %."""
    shutil.rmtree(directory / "drawn" / PACKED)
    file = records_file(directory)
    flip(file, file.stat().st_size // 2)


def cut_packed(directory: Path) -> None:
    file = packed_file(directory)
    file.write_bytes(file.read_bytes()[:-7])


def cut_records(directory: Path) -> None:
    shutil.rmtree(directory / "drawn" / PACKED)
    file = records_file(directory)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_whole_data_pass(pristine: Path) -> None:
    images = epoch(pristine)
    want = load_prepared("drawn", pristine).train.images[:]
    assert sorted(image.tobytes() for image in images) == sorted(image.tobytes() for image in want)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_packed, r"drawn: image 48 differs from its checksum"),
        (flip_record, r"drawn: image(s cannot be read| \d+ differs from its checksum)"),
        (cut_packed, r"train_images\.npy is damaged .*pack the data set again"),
        (cut_records, r"drawn.*"),
    ],
)
def test_damage_is_named(copied: Path, damage: Callable[[Path], None], message: str) -> None:
    """When it is read, or at once; `verify` finds it, too."""
    damage(copied)
    with pytest.raises(InputError, match=message) as caught:
        epoch(copied)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        verify("drawn", copied, note=quiet)


def test_an_image_is_checked_once(pristine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second epoch computes nothing, and a part of a batch checks that part alone."""
    split = load_prepared("drawn", pristine).train
    stream = VerifiedBatches(split, 25, 0, "drawn")
    checked: list[int] = []
    monkeypatch.setattr(
        "alexnet_jax.data.verified.zlib.crc32", lambda image: _counted(checked, image)
    )
    first, second, third = (next(stream)["image"] for _ in range(3))
    first[:10]
    assert len(checked) == 10
    first[:], second[:]
    assert len(checked) == 50
    third[:]
    assert len(checked) == 50


def _counted(checked: list[int], image: np.ndarray) -> int:
    import binascii

    checked.append(1)
    return binascii.crc32(image)


def test_data_without_checksums_are_taken_as_they_are() -> None:
    images = np.zeros((4, 2, 2, 1), np.uint8)
    stream = VerifiedBatches(Split(images, np.zeros(4, np.int32)), 4, 0, "plain")
    np.testing.assert_array_equal(next(stream)["image"][:], images)


def test_a_reader_that_gives_up(pristine: Path) -> None:
    """Whatever it raises is one line, with the rows."""

    class Broken:
        shape, dtype = (4, 2, 2, 1), np.dtype(np.uint8)

        def __len__(self) -> int:
            return 4

        def __getitem__(self, rows: object) -> np.ndarray:
            raise RuntimeError("chunk hash mismatch\nat 17")

    stream = VerifiedBatches(Split(Broken(), np.zeros(4, np.int32)), 4, 0, "mine")
    with Prefetch(stream) as batches, pytest.raises(InputError, match="mine: images cannot be"):
        next(batches)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range(label: int) -> None:
    images, good = np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 2], np.int32)
    bad = Split(images, np.array([0, label], np.int32))
    with pytest.raises(InputError, match=f"labels run from .*{label}.* but there are 3 classes"):
        data.Dataset("mine", Split(images, good), bad, ("a", "b", "c"))
