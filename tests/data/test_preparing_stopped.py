"""A preparation by several processes, stopped by a signal and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import SHAPE, drawn, source
from helpers.scripts import ROOT

from alexnet_jax.data.prepare import shards
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared

TRAIN, TEST = 90, 20
CODE = f"""
import sys
from pathlib import Path
from helpers.pictures import Slowly, source
from alexnet_jax.data.prepare import shards
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.errors import InputError
from alexnet_jax.runtime.signals import Interrupted
shards.SHARD_BYTES = 9 * {int(np.prod(SHAPE))}
try:
    prepare(source({TRAIN}, {TEST}, kind=Slowly), Path(sys.argv[1]), workers=2)
except Interrupted as stop:
    print(stop, file=sys.stderr)
    sys.exit(stop.status)
except InputError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
"""


def start(directory: Path) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(directory)], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "whole_group",
    [pytest.param(False, id="the first", marks=pytest.mark.exhaustive),
     pytest.param(True, id="all processes")],
)  # fmt: skip
def test_stopped_and_started_again_nothing_is_lost_or_twice(
    whole_group: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM to the first process, or to all as from a cluster: what is done is kept as it is,
    and the result is that of one process that was never stopped."""
    work = tmp_path / "drawn" / "1.0.0.unfinished"
    process = start(tmp_path)
    try:
        deadline = time.monotonic() + 120
        while len(list(work.glob("*.npz"))) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, err.count("\n")) == (128 + signal.SIGTERM, 1), err
    assert err.startswith("stopped by SIGTERM; what is done is kept")
    parts = {path.name: path.stat().st_mtime_ns for path in work.glob("*.npz")}
    assert 2 <= len(parts) < 13
    for name in parts:
        with np.load(work / name) as part:
            assert set(part) >= {"labels", "crc32"}
    again, err = start(tmp_path).communicate(timeout=120)
    assert err == ""
    assert f"resumed: {len(parts)} of 13 files of records are there" in again
    found = load_prepared("drawn", tmp_path)
    for split, count in (("train", TRAIN), ("test", TEST)):
        places = {drawn(split, number).tobytes(): number for number in range(count)}
        images = getattr(found, split).images[:]
        assert sorted(places[image.tobytes()] for image in images) == list(range(count))
    monkeypatch.setattr(shards, "SHARD_BYTES", 9 * int(np.prod(SHAPE)))
    prepare(source(TRAIN, TEST), tmp_path / "alone", workers=1, note=lambda _: None)
    assert found.fingerprint() == load_prepared("drawn", tmp_path / "alone").fingerprint()
    assert not work.exists()
