"""Records of a run: its settings, measurements, sessions, and numbers that follow from them."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alexnet_jax.errors import InputError, printable
from alexnet_jax.runs import Line, MetricsFile, Session, TrainConfig, read_sessions, read_settings

Measure = Literal["loss", "top1", "learning_rate", "images_per_second"]
_FALL = 0.5  # a rate below this share of the last one has dropped; the schedules divide by ten


@dataclass(frozen=True)
class Record:
    """Record of a run, as its workdir holds it.

    Attributes:
      workdir: the run's directory.
      config: its settings.
      data_sha256: fingerprint of its data.
      lines: lines of `metrics.jsonl`, without events.
      finished: whether the last line is the event "done".
      params_sha256: hash of the finished run's parameters, "" before.
      sessions: the starts of the training.
      notes: sentences about files that cannot be read.
    """

    workdir: Path
    config: TrainConfig
    data_sha256: str
    lines: tuple[Line, ...]
    finished: bool
    params_sha256: str
    sessions: tuple[Session, ...]
    notes: tuple[str, ...] = ()

    def of(self, split: str) -> list[Line]:
        """Return the measurements of a split, "train" or "test", in the order of steps."""
        return [line for line in self.lines if line.get("split") == split]

    @property
    def step(self) -> int:
        """Number of updates at the last measurement, 0 without any."""
        return max((line["step"] for line in self.lines), default=0)


@dataclass(frozen=True)
class Drop:
    """Drop of the learning rate between two lines of training measurements.

    Attributes:
      after, by: steps of the last line with the rate `before` and of the first one with `rate`.
    """

    after: int
    by: int
    before: float
    rate: float


def read_record(workdir: Path) -> Record:
    """Read what a run has recorded.

    Raises:
      InputError: the directory holds no run of this project.
    """
    config, data_sha256 = read_settings(workdir)
    notes: list[str] = []
    lines: Sequence[Line] = ()
    sessions: Sequence[Session] = ()
    try:
        lines = MetricsFile(workdir / "metrics.jsonl", writing=False).read()
    except InputError as error:
        notes.append(f"The measurements cannot be read: {error}.")
    try:
        sessions = read_sessions(workdir)
    except InputError as error:
        notes.append(f"When and where it was trained cannot be read: {error}.")
    last: Line = lines[-1] if lines else {}
    done = last.get("event") == "done"
    return Record(
        workdir=workdir,
        config=config,
        data_sha256=data_sha256,
        lines=tuple(line for line in lines if "split" in line),
        finished=done,
        params_sha256=str(last.get("params_sha256", "")) if done else "",
        sessions=tuple(sessions),
        notes=tuple(notes),
    )


def points(record: Record, split: str, measure: Measure) -> list[tuple[int, float]]:
    """Return (step, value) of a split's lines with a finite measurement of this name."""
    lines = [line for line in record.of(split) if measure in line]
    return [(line["step"], line[measure]) for line in lines if math.isfinite(line[measure])]


def averaged(values: Sequence[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """Return at most `most` points: means of steps and values over equally many neighbours."""
    width = -(-len(values) // most) if values else 1
    parts = [values[start : start + width] for start in range(0, len(values), width)]
    return [
        (round(statistics.fmean(s for s, _ in part)), statistics.fmean(v for _, v in part))
        for part in parts
    ]


def drops(record: Record) -> list[Drop]:
    """Return the drops of the rate under the schedules "epochs" and "plateau", the first first."""
    if record.config.schedule not in ("epochs", "plateau"):
        return []
    found = points(record, "train", "learning_rate")
    return [
        Drop(after, by, before, rate)
        for (after, before), (by, rate) in itertools.pairwise(found)
        if rate < _FALL * before
    ]


def training_seconds(record: Record) -> float:
    """Return the seconds that the updates took, without evaluation and saving.

        sum over lines i of batch (step_i - step_{i-1}) / images_per_second_i

    The first rate of each start includes compilation.
    """
    seconds, before = 0.0, 0
    for line in record.of("train"):
        if (rate := line.get("images_per_second", 0.0)) > 0:
            seconds += record.config.batch * (line["step"] - before) / rate
        before = line["step"]
    return seconds


def images_per_second(record: Record) -> float | None:
    """Return the median rate of the lines after the first, None where there are none."""
    found = [rate for _, rate in points(record, "train", "images_per_second")]
    return statistics.median(found[1:]) if len(found) > 1 else None


def labels(records: Sequence[Record]) -> list[str]:
    """Return a name for each run, "NAME, seed S", with its workdir where names would be equal."""
    names = [f"{printable(one.config.name)}, seed {one.config.seed}" for one in records]
    return [
        name if names.count(name) == 1 else f"{name} ({printable(str(one.workdir))})"
        for name, one in zip(names, records, strict=True)
    ]
