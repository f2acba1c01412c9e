"""Rows of text at the top of a page: results, versions, devices and times."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alexnet_jax.display import format_duration
from alexnet_jax.errors import printable
from alexnet_jax.network import Params
from alexnet_jax.reporting.record import images_per_second, training_seconds
from alexnet_jax.reporting.subject import Subject
from alexnet_jax.runs import Line, Session

UNKNOWN = "\N{EN DASH}"


def percent(share: float, digits: int = 2) -> str:
    """Write a share in [0, 1] as a percentage."""
    return f"{100 * share:.{digits}f} %"


@dataclass(frozen=True)
class Fact:
    """Fact about several runs: its name, and a text for each run."""

    name: str
    values: tuple[str, ...]


def results(subjects: Sequence[Subject]) -> list[Fact]:
    """Return what the runs have reached; facts that no run has are left out."""
    facts: dict[str, Callable[[Subject], str]] = {
        "Network": lambda one: printable(one.record.config.preset),
        "Parameters": lambda one: f"{_count(one.trained.params):,}" if one.trained else UNKNOWN,
        "Updates": _updates,
        "Epochs": _epochs,
        "Test top-1": lambda one: _share(_last(one), "top1"),
        "Test top-5": lambda one: _share(_last(one), "top5"),
        "Test loss": lambda one: f"{line['loss']:.4f}" if (line := _last(one)) else UNKNOWN,
        "Best test top-1": _best,
        "Network shown": _network,
        "Its test top-1": _examined,
        "Time of the updates": _duration,
        "Images per second": _rate,
        "Waiting for data": _waiting,
    }
    rows = [Fact(name, tuple(map(text, subjects))) for name, text in facts.items()]
    return [row for row in rows if set(row.values) != {UNKNOWN}]


def _updates(one: Subject) -> str:
    done, steps = one.record.step, one.record.config.steps
    return f"{done:,}" if one.record.finished and done == steps else f"{done:,} of {steps:,}"


def _epochs(one: Subject) -> str:
    if one.dataset is None:
        return UNKNOWN
    return f"{one.record.step * one.record.config.batch / len(one.dataset.train):.3g}"


def _last(one: Subject) -> Line | None:
    return next(reversed(one.record.of("test")), None)


def _share(line: Line | None, name: str) -> str:
    return percent(line[name]) if line else UNKNOWN  # type: ignore[literal-required]


def _best(one: Subject) -> str:
    lines = one.record.of("test")
    if not lines:
        return UNKNOWN
    best = max(lines, key=lambda line: line["top1"])
    return f"{percent(best['top1'])} at step {best['step']:,}"


def _network(one: Subject) -> str:
    if one.trained is None:
        return UNKNOWN
    averaged = ", averaged weights" if one.trained.config.ema > 0 else ""
    return f"step {one.trained.step:,}{averaged}"


def _examined(one: Subject) -> str:
    return percent(one.examination.accuracy) if one.examination else UNKNOWN


def _duration(one: Subject) -> str:
    seconds = training_seconds(one.record)
    return format_duration(seconds) if seconds else UNKNOWN


def _rate(one: Subject) -> str:
    rate = images_per_second(one.record)
    return UNKNOWN if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _waiting(one: Subject) -> str:
    waits = [line["input_wait"] for line in one.record.of("train") if "input_wait" in line]
    return f"{percent(statistics.fmean(waits), 1)} of the time" if waits else UNKNOWN


def _count(params: Params) -> int:
    return sum(leaf.size for layer in params.values() for leaf in layer.values())


def over_seeds(subjects: Sequence[Subject]) -> str:
    """Say the mean and the standard deviation of runs that differ in their seeds only; else ""."""
    configs = [dataclasses.replace(one.record.config, seed=0) for one in subjects]
    top1 = [line["top1"] for one in subjects if (line := _last(one))]
    alike = not any(configs[0].differences(config) for config in configs)
    seeds = {one.record.config.seed for one in subjects}
    steps = {one.record.step for one in subjects}
    if len(top1) < 2 or not len(top1) == len(seeds) == len(subjects) or not alike or len(steps) > 1:
        return ""
    mean, spread = statistics.fmean(top1), statistics.stdev(top1)
    return (
        f"The runs differ in their seeds only. Over the {len(top1)} seeds, test top-1 is "
        f"{percent(mean)} on average, with a standard deviation of {100 * spread:.2f} points."
    )


@dataclass(frozen=True)
class Start:
    """One start of a training, as texts for a row of a table."""

    label: str
    started: str
    steps: str
    time: str
    device: str
    versions: str


def starts(subjects: Sequence[Subject]) -> list[Start]:
    """Return the recorded starts of all runs, run by run."""
    return [
        Start(
            label=one.label,
            started=_clock(session.started),
            steps=_steps(session),
            time=_elapsed(session),
            device=_device(session),
            versions=", ".join(f"{n} {v}" for n, v in session.versions.items()),
        )
        for one in subjects
        for session in one.record.sessions
    ]


def _clock(time: str) -> str:
    return time.replace("T", " ").removesuffix("+00:00") + " UTC"


def _steps(session: Session) -> str:
    last = "?" if session.last_step is None else f"{session.last_step:,}"
    return f"{session.first_step:,} to {last}"


def _elapsed(session: Session) -> str:
    """Return the time from a session's start to its end; "no end recorded" without one."""
    if session.ended is None:
        return "no end recorded"
    import datetime

    try:
        began, ended = map(datetime.datetime.fromisoformat, (session.started, session.ended))
        seconds = (ended - began).total_seconds()
    except (ValueError, TypeError):  # texts that are no times, or one without a zone
        return UNKNOWN
    return format_duration(seconds) if math.isfinite(seconds) else UNKNOWN


def _device(session: Session) -> str:
    many = f"{session.devices} devices, {session.topology}: " if session.devices > 1 else ""
    processes = f", {session.processes} processes" if session.processes > 1 else ""
    return f"{many}{session.device}{processes}"
