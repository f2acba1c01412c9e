"""Two processes on one prepared set: each reads the rows of its own devices, once an epoch."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.pairs import free_port
from helpers.scripts import ROOT

from alexnet_jax.bench import input_stages

COUNT = 48  # three batches of 16
CODE = """
import json, sys
import jax, numpy as np
from alexnet_jax import data
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.prefetch import Prefetch
from alexnet_jax.runtime.distributed import join
from alexnet_jax.parallel import topology
from alexnet_jax.network.presets import architecture

class Seen:
    def __init__(self, images):
        self.images, self.shape, self.dtype, self.rows = images, images.shape, images.dtype, []
    def __len__(self):
        return len(self.images)
    def __getitem__(self, rows):
        self.rows += np.asarray(rows).tolist()
        return self.images[rows]

directory, place, number, topology_name, epochs = sys.argv[1:]
join(place, int(number), 2, 30)
split = data.load("synthetic", directory).train
seen, where = Seen(split.images), topology(topology_name, architecture("small", channels=3))
with Prefetch(Batches(Split(seen, split.labels), 16, 0), where.place_batch, ahead=0) as batches:
    for _ in range(int(epochs) * 3):
        next(batches)
print(json.dumps({"rows": seen.rows}))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("prepared")
    input_stages.make_synthetic(directory, COUNT, 32)
    return directory


def both(directory: Path, topology: str, epochs: int) -> list[dict[str, Any]]:
    """What each of two processes of two devices read."""
    place = f"localhost:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_NUM_CPU_DEVICES": "2"}
    arguments = [[str(directory), place, str(k), topology, str(epochs)] for k in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, *own], env=environment | {"JAX_PLATFORMS": "cpu"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for own in arguments
    ]  # fmt: skip
    try:
        ends = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], ends
    return [json.loads(out.splitlines()[-1]) for out, _ in ends]


def test_each_process_reads_its_own_rows(prepared: Path) -> None:
    """Two epochs of images split over four devices: half of every batch each, no row twice or
    never, and another half in the next epoch."""
    first, second = (found["rows"] for found in both(prepared, "data", 2))
    assert len(first) == len(second) == COUNT
    for epoch in range(2):
        own = slice(epoch * COUNT // 2, (epoch + 1) * COUNT // 2)
        assert not set(first[own]) & set(second[own])
        assert set(first[own]) | set(second[own]) == set(range(COUNT))
    assert set(first[: COUNT // 2]) != set(first[COUNT // 2 :])


@pytest.mark.slow
def test_towers_apart_read_the_same_rows(prepared: Path) -> None:
    """Pairs of towers lie within a process; each pair reads its images once."""
    first, second = (Counter(found["rows"]) for found in both(prepared, "data_towers", 1))
    assert first + second == Counter(range(COUNT))
    assert len(first) == len(second) == COUNT // 2
