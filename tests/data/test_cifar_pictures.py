"""CIFAR's archives in each form: every picture with its label, class names and counts."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from helpers.cifar_files import (
    EVERY,
    HUNDRED,
    PARTS,
    TEN,
    TWENTY,
    coarse,
    drawn,
    packed,
    source,
    unpacked,
)
from helpers.pictures import quiet

from alexnet_jax import InputError
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.sources import cifar as module

CLASS_NAMES = {"cifar10": tuple(TEN), "cifar100": tuple(HUNDRED)}


@pytest.mark.parametrize(("dataset", "form"), EVERY)
def test_every_picture_with_its_label(
    cifar_folders: dict[tuple[str, str], Path], tmp_path: Path, dataset: str, form: str
) -> None:
    """From the folder, the directory around it, tars with and without gzip, and their directory;
    records and pickles are one data set."""
    folder = cifar_folders[dataset, form]
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
    plans.add(source(cifar_folders[dataset, "python"], dataset).plan())
    assert len(plans) == 1


@pytest.mark.parametrize("form", ["python", "binary"])
def test_coarse_labels(cifar_folders: dict[tuple[str, str], Path], form: str) -> None:
    found = source(cifar_folders["cifar100", form], "cifar100", labels="coarse")
    assert found.class_names == tuple(TWENTY)
    for split, (_, labels) in zip(("train", "test"), PARTS["cifar100"], strict=True):
        np.testing.assert_array_equal(found.splits[split].labels, coarse(labels))
    assert found.plan() != source(cifar_folders["cifar100", form], "cifar100").plan()


def test_other_counts_are_told(
    cifar_folders: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []
    source(cifar_folders["cifar10", "python"], "cifar10", note=told.append)
    assert len(told) == 1
    assert "has 25 training and 7 test pictures instead of 50,000 and 10,000" in told[0]
    assert "classes" not in told[0]
    few = unpacked(tmp_path, "cifar10", "binary", drawn("cifar10", 8, 1), drawn("cifar10", 3, 2))
    source(few, "cifar10", note=told.append)
    assert told[1].endswith("and none to train on of 2 classes")
    monkeypatch.setattr(module, "TRAIN_PICTURES", 25)
    monkeypatch.setattr(module, "TEST_PICTURES", 7)
    source(cifar_folders["cifar10", "python"], "cifar10", note=told.append)
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


def test_a_prepared_archive(cifar_folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """Its pixels, labels and class names are found by the data set's name."""
    prepare(source(cifar_folders["cifar10", "binary"], "cifar10"), tmp_path, workers=1, note=quiet)
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
