"""Prepared data of made-up pictures, and CIFAR's archives in small, once for all tests."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.cifar_files import EVERY, PARTS, unpacked
from helpers.pictures import BROKEN, SHAPE, quiet, source

from alexnet_jax.data.prepare import shards
from alexnet_jax.data.prepare.packing import pack
from alexnet_jax.data.prepare.preparation import prepare


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine pictures to a file of records, so that a data set has several."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 9 * int(np.prod(SHAPE)))


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set as records, in several files, and packed; two of its pictures are broken."""
    directory = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_BYTES", 9 * int(np.prod(SHAPE)))
        prepare(source(broken=BROKEN), directory, workers=1, max_bad_fraction=0.1, note=quiet)
    pack("drawn", directory, workers=1, note=quiet)
    return directory


@pytest.fixture
def copied(both: Path, tmp_path: Path) -> Path:
    """A copy of `both` to be changed."""
    return Path(shutil.copytree(both, tmp_path / "copied"))


@pytest.fixture(scope="session")
def cifar_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """CIFAR's archives, unpacked; the directory of each has nothing else."""
    return {
        (dataset, form): unpacked(tmp_path_factory.mktemp(form), dataset, form, *PARTS[dataset])
        for dataset, form in EVERY
    }
