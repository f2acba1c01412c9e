"""A training that is killed again and again ends as one that was never disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from helpers.pairs import QUICKLY
from helpers.scripts import SPEED, Result, measurements, start, training, wait

from .rows import Row

STEPS = 240
CHANGES = ("checkpoint_every=10", "evaluate_every=60")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
# How a process ends: by the signal itself, where it came before anything was set up for it.
STATUSES = {
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {143, -signal.SIGTERM},
    signal.SIGINT: {130, -signal.SIGINT},
}


def begin(workdir: Path, steps: int) -> subprocess.Popen[str]:
    return start("train", *training(workdir, steps, log_every=10, changes=CHANGES), more=QUICKLY)


def measured(workdir: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what differs from run to run."""
    lines = measurements(workdir)
    return [{k: v for k, v in line.items() if k not in SPEED} for line in lines]


def undisturbed(workdir: Path, steps: int) -> list[dict[str, Any]]:
    result = wait(begin(workdir, steps))
    assert (result.status, result.err) == (0, ""), result
    return measured(workdir)


def newest(workdir: Path) -> int:
    """The newest step that is saved, whole or not."""
    directory = workdir / "checkpoints"
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return max((int(name) for name in names if name.isdecimal()), default=0)


def strike(
    process: subprocess.Popen[str],
    workdir: Path,
    number: signal.Signals,
    generator: np.random.Generator,
) -> None:
    """Sends the signal at a random moment: at the start, between two steps, or during a save."""
    if generator.random() < 0.2:
        wanted, delay = 0, generator.uniform(0, 4)
    else:
        wanted = newest(workdir) + 10 * int(generator.integers(1, 5))
        delay = generator.uniform(0, 0.3)
    while process.poll() is None and newest(workdir) < wanted:
        time.sleep(0.01)
    time.sleep(delay)
    if process.poll() is None:
        os.kill(process.pid, number)


def check(result: Result, number: signal.Signals) -> None:
    """A killed process said nothing wrong; a stopped one said what was saved."""
    assert result.status in STATUSES[number], (number, result)
    if result.status > 0 and "is saved in" not in result.err:
        assert result.status == 130, result  # interrupted before the run began
    assert "Traceback" not in result.err or result.status == -signal.SIGINT, result


def kill_at_random(directory: Path, kills: int, *, seed: int = 0, steps: int = STEPS) -> Row:
    """Kills a run at random moments and starts it again, and another run when it is finished.

    Each run's parameters and measurements must be those of a run that nobody disturbed.
    """
    generator = np.random.default_rng(seed)
    want = undisturbed(directory / "undisturbed", steps)
    counts, runs = dict.fromkeys(STATUSES, 0), 0
    while sum(counts.values()) < kills:
        workdir = directory / f"killed {runs}"
        while True:
            number = SIGNALS[sum(counts.values()) % len(SIGNALS)]
            process = begin(workdir, steps)
            if sum(counts.values()) < kills:
                strike(process, workdir, number, generator)
            result = wait(process)
            if result.status == 0:
                break
            check(result, number)
            counts[number] += 1
        assert measured(workdir) == want, workdir
        left = [path.name for path in (workdir / "checkpoints").iterdir()]
        assert all(name.isdecimal() for name in left), left
        runs += 1
    each = ", ".join(f"{count} {number.name}" for number, count in counts.items())
    return Row(
        f"a run of {steps} steps killed at random moments ({each})",
        kills,
        f"{runs} runs ended with the parameters' hash and the metrics of an undisturbed one",
    )
