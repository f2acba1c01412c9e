"""The packed form at sizes larger than memory: what it costs to open and to read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.packed import create_images

ROW = 256 * 256 * 3
MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Split

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

images = np.load(sys.argv[1], mmap_mode="r").view(np.ndarray)
batches = Batches(Split(images, np.zeros(len(images), np.int32)), 32, 0)
most = 0
for _ in range(8):
    batch = next(batches)
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
        path = sparse(tmp_path / f"{count}.npy", count)
        command = [sys.executable, "-c", MEASURE, str(path)]
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
