"""A disk that is full, or turns read-only, during a training."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from helpers.pairs import QUICKLY
from helpers.scripts import Result, start, training, wait

from .kills import measured, newest
from .rows import Row

STEPS = 60
CHANGES = ("checkpoint_every=1", "evaluate_every=60", "keep_checkpoints=60")


class NoMount(Exception):
    """This user may not mount anything."""


def mount(*arguments: object) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise NoMount(f"mount: {done.stderr.strip()}")


@contextlib.contextmanager
def small_disk(path: Path, kilobytes: int) -> Iterator[Path]:
    """A file system in memory of a size. NoMount where that is not permitted."""
    path.mkdir()
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", path)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def train(workdir: Path) -> Result:
    return wait(start("train", *training(workdir, STEPS, changes=CHANGES), more=QUICKLY))


def assert_one_line(result: Result) -> None:
    assert result.status == 2, result
    assert result.err.startswith("error: "), result
    assert result.err.count("\n") == 1, result


def fill(directory: Path, *, kilobytes: int = 1500) -> Row:
    """Trains on a disk too small, and again when it has grown; returns what came of it."""
    disk = directory / "small"
    with small_disk(disk, kilobytes):
        result = train(disk / "run")
        assert_one_line(result)
        assert "No space left on device" in result.err, result
        good = newest(disk / "run")
        assert 0 < good < STEPS
        mount("-o", "remount,size=100m", disk)
        again = train(disk / "run")
        assert (again.status, again.err) == (0, ""), again
        assert again.lines[0] == f"resumed at step {good}", again
        whole = train(directory / "undisturbed")
        assert whole.status == 0, whole
        assert measured(disk / "run") == measured(directory / "undisturbed")
    return Row(
        f"the disk full after {good} of {STEPS} checkpoints",
        1,
        "one line, status 2; with more room it went on from the last one to the same end",
    )


def forbid(directory: Path) -> Row:
    """The disk turns read-only between two saves."""
    disk = directory / "read-only"
    with small_disk(disk, 100_000):
        process = start("train", *training(disk / "run", 5000, changes=CHANGES), more=QUICKLY)
        while process.poll() is None and newest(disk / "run") < 3:
            time.sleep(0.01)
        while True:  # busy while a file is open for writing
            with contextlib.suppress(NoMount):
                mount("-o", "remount,ro", disk)
                break
        result = wait(process)
        assert_one_line(result)
        assert "Read-only file system" in result.err, result
        mount("-o", "remount,rw", disk)
        good = newest(disk / "run")
        evaluated = wait(start("evaluate", disk / "run", more=QUICKLY))
        assert evaluated.status == 0, evaluated
        assert evaluated.lines[0].endswith(f"step {good}"), evaluated
    return Row(
        "the disk turned read-only during a training",
        1,
        "one line, status 2; the last checkpoint loads and verifies",
    )
