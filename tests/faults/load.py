"""A training of many steps, and many predictions while one writes: nothing grows, nothing fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from helpers.pairs import QUICKLY
from PIL import Image

from .kills import newest
from .rows import Row

HERE = Path(__file__).parent
SETTLED = 500  # steps


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A script of this directory in a process of its own, with this one's compiled programs."""
    path = os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")]))
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir)}
    return subprocess.Popen(
        [sys.executable, HERE / script, *map(str, arguments)],
        env=os.environ | QUICKLY | cache | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str], seconds: float) -> dict[str, list]:
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert process.returncode == 0, (process.returncode, err[-2000:])
    return json.loads(out.splitlines()[-1])


def growth(held: Sequence[Sequence[int]], settled: int) -> tuple[float, int]:
    """By what share memory grew after it had settled, and how many more files were open.

    A row is noted before its step's evaluation and checkpoint. A checkpoint that is being written
    holds dozens of files open for a moment, so the fewest of the last quarter are compared with the
    fewest of the first.
    """
    first, *later = after = [row for row in held if row[0] > settled]
    quarter = -(-len(after) // 4)
    opened, left = (min(row[2] for row in part) for part in (after[:quarter], after[-quarter:]))
    return max(row[1] for row in later) / first[1] - 1, left - opened


def train_long(directory: Path, steps: int, *, settled: int = SETTLED) -> Row:
    """Trains many steps with a checkpoint every 50."""
    found = end(child("long_run.py", directory / "long", steps), 3600)
    memory, files = growth(found["held"], settled)
    assert found["traces"] == [1], found["traces"]
    assert memory <= 0.05, found["held"]
    assert files <= 2, found["held"]
    return Row(
        f"{steps:,} steps of digits with {steps // 50:,} checkpoints",
        1,
        f"memory {memory:+.1%} after step {settled} at most, {files:+d} open files, one trace",
    )


def predict_meanwhile(directory: Path, count: int, *, processes: int = 4) -> Row:
    """Predicts in several processes from a workdir that a training writes to."""
    workdir, picture = directory / "busy", directory / "digit.png"
    Image.fromarray(np.full((8, 8), 99, np.uint8)).save(picture)
    training = child("long_run.py", workdir, 10**9)
    try:
        while newest(workdir) < 50 and training.poll() is None:
            time.sleep(0.05)
        each = [count // processes + (k < count % processes) for k in range(processes)]
        started = [child("predict_many.py", workdir, picture, number) for number in each]
        results = [end(process, 3600) for process in started]
        assert training.poll() is None
    finally:
        training.kill()
        training.communicate()
    steps = [step for result in results for step in result["steps"]]
    assert len(steps) == count
    assert all(abs(total - 1) < 1e-5 for result in results for total in result["sums"])
    assert not [text for result in results for text in result["warnings"]], results
    assert all(result["steps"] == sorted(result["steps"]) for result in results)
    return Row(
        f"predictions in {processes} processes from a workdir that a training writes to",
        count,
        f"all answered, from {len(set(steps))} different checkpoints, no word of damage",
    )
