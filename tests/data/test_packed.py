"""The packed form at sizes larger than memory: what it costs to open and to read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import SHAPE, quiet, source

from alexnet_jax import InputError
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.prepare import packing
from alexnet_jax.data.prepare.packing import create_images, pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.records import RecordImages

ROW = 256 * 256 * 3


MEASURE = """
import sys
from pathlib import Path
import numpy as np
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.manifest import Manifest
from alexnet_jax.data.mapped import packed_split

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

labels = {"train": np.zeros(int(sys.argv[2]), np.int32)}
manifest = Manifest("large", 256, 3, ("a", "b"), labels, {}, (), "", {})
batches = Batches(packed_split(Path(sys.argv[1]), manifest, "train"), 32, 0)
most = 0
for _ in range(8):
    images = next(batches)["image"][:]
    assert images.shape == (32, 256, 256, 3)
    most = max(most, own())
print(most)
"""


def sparse(path: Path, count: int) -> Path:
    """A packed file of `count` images that takes hardly any room on disk."""
    create_images(path, (count, 256, 256, 3))
    assert path.stat().st_size > count * ROW
    assert path.stat().st_blocks * 512 < 2**20
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_file_costs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """100 GiB against 100 MiB: what a process holds for itself while it reads batches."""
    held = []
    for count in (534, 546_134):
        path = sparse(tmp_path / "train_images.npy", count)
        command = [sys.executable, "-c", MEASURE, str(tmp_path), str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        held.append(int(done.stdout) * 1024)
        path.unlink()
    assert held[1] - held[0] < 2**25  # the order of an epoch takes 4 MiB, a batch 6 MiB


def test_rows_of_a_large_file_are_where_they_should_be(tmp_path: Path) -> None:
    """Beyond 4 GiB, and through the shuffle."""
    count = 30_000  # 5.5 GiB: shuffled in blocks
    path = sparse(tmp_path / "images.npy", count)
    written = np.load(path, mmap_mode="r+")
    rows = np.array([0, 340, 341, 22_000, 29_999])
    for row in rows:
        written[row, 0, 0] = (row % 251, row // 251, 7)
    written.flush()
    del written
    images = np.load(path, mmap_mode="r").view(np.ndarray)
    batches = Batches(Split(images, np.arange(count, dtype=np.int32)), 1, 0)
    order = batches._order
    assert not np.array_equal(np.sort(order[:1000]), np.arange(1000))
    for row in rows.tolist():
        place = int(np.flatnonzero(order == row)[0])
        batches.set_state({"epoch": np.int32(0), "position": np.int32(place)})  # type: ignore[dict-item]
        batch = next(batches)
        assert batch["label"].tolist() == [row]
        image = batch["image"][:]
        np.testing.assert_array_equal(image[0, 0, 0], [row % 251, row // 251, 7])
        assert image.sum(dtype=int) == row % 251 + row // 251 + 7


def test_packing_in_pieces_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of seven images, a stop after two of them: the records' images, and no mark left."""
    monkeypatch.setattr(packing, "_CHUNK_BYTES", 7 * int(np.prod(SHAPE)))
    prepare(source(), tmp_path, workers=1, note=quiet)
    want = load_prepared("drawn", tmp_path)
    done: list[packing.Chunk] = []
    whole = packing._pack

    def stopping(chunk: packing.Chunk) -> packing.Chunk:
        if len(done) == 2:
            raise InputError("stopped")
        done.append(chunk)
        return whole(chunk)

    with monkeypatch.context() as patch:
        patch.setattr(packing, "_pack", stopping)
        with pytest.raises(InputError, match="stopped"):
            pack("drawn", tmp_path, workers=1, note=quiet)
    said: list[str] = []
    directory = pack("drawn", tmp_path, workers=1, note=said.append)
    assert said[0].startswith("resumed: 14 of ")
    found = load_prepared("drawn", tmp_path)
    for split in ("train", "test"):
        np.testing.assert_array_equal(
            getattr(found, split).images[:], getattr(want, split).images[:]
        )
    assert len(want.train) > 14
    names = {path.name for path in directory.iterdir()}
    assert {Path(name).suffix for name in names} == {".npy", ".npz", ".json"}, names


def test_a_record_that_has_changed_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(source(), tmp_path, workers=1, note=quiet)
    read = RecordImages.__getitem__

    def flipped(images: RecordImages, rows: np.ndarray) -> np.ndarray:
        found = read(images, rows)
        found[-1, 0, 0, 0] ^= 1
        return found

    with monkeypatch.context() as patch:
        patch.setattr(RecordImages, "__getitem__", flipped)
        with pytest.raises(InputError, match=r"record \d+ differs from its checksum"):
            pack("drawn", tmp_path, workers=1, note=quiet)
    assert not (tmp_path / "drawn" / packing.PACKED).exists()
