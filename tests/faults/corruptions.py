"""A checkpoint that is damaged at random is noticed, and the run ends as if it had not been."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from helpers.scripts import SPEED, Result, measurements

from .rows import Row


def truncate(file: Path, generator: np.random.Generator) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(generator.integers(0, max(1, len(content))))])


def flip(file: Path, generator: np.random.Generator) -> None:
    content = bytearray(file.read_bytes())
    if content:
        content[int(generator.integers(0, len(content)))] ^= 1 << int(generator.integers(0, 8))
    file.write_bytes(content)


def delete(file: Path, generator: np.random.Generator) -> None:
    file.unlink()


KINDS = (truncate, flip, delete)


def pick(step: Path, generator: np.random.Generator) -> Path:
    """A file of a checkpoint: any of them, or, as often, one by its size."""
    files = sorted(path for path in step.rglob("*") if path.is_file())
    sizes = np.array([path.stat().st_size for path in files], np.float64)
    shares = sizes / sizes.sum() if generator.random() < 0.5 else None
    return files[int(generator.choice(len(files), p=shares))]


def corrupt_at_random(
    finished: Path, directory: Path, count: int, again: Callable[[Path], Result], *, seed: int = 0
) -> Row:
    """Damages the newest checkpoint of copies of a run, and runs each to its end again.

    Args:
      finished: workdir of a run with two checkpoints or more; only read.
      again: the run's own command on another workdir.
    """
    generator, outcomes = np.random.default_rng(seed), Counter[str]()
    want = [{k: v for k, v in line.items() if k not in SPEED} for line in measurements(finished)]
    for number in range(count):
        copy = Path(shutil.copytree(finished, directory / f"damaged {number}"))
        steps = sorted(int(path.name) for path in (copy / "checkpoints").iterdir())
        file = pick(copy / "checkpoints" / str(steps[-1]), generator)
        KINDS[number % len(KINDS)](file, generator)
        lines = (copy / "metrics.jsonl").read_text().splitlines(keepends=True)
        (copy / "metrics.jsonl").write_text("".join(lines[:-1]))  # not known to be finished
        result = again(copy)
        where = (file, KINDS[number % len(KINDS)].__name__, result)
        assert (result.status, result.err) == (0, ""), where
        found = measurements(copy)
        assert [{k: v for k, v in line.items() if k not in SPEED} for line in found] == want, where
        resumed = next(line for line in result.lines if line.startswith("resumed at step"))
        assert resumed in (f"resumed at step {steps[-1]}", f"resumed at step {steps[-2]}"), where
        outcomes["needed" if resumed.endswith(f" {steps[-2]}") else "not needed"] += 1
        shutil.rmtree(copy)
    return Row(
        "a file of the newest checkpoint truncated, with a flipped bit, or deleted, at random",
        count,
        f"{outcomes['needed']} times noticed and the one before taken, "
        f"{outcomes['not needed']} times not needed; always the same end",
    )
