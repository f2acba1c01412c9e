"""Charts of what runs have measured over their steps, with the drops of the rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexnet_jax.reporting.charts import Holds, Series, curve_chart
from alexnet_jax.reporting.record import Measure, averaged, drops, points
from alexnet_jax.reporting.subject import Subject

_TRAIN_POINTS = 120  # of a training curve; a chart has about 400 pixels for them


@dataclass(frozen=True)
class Chart:
    """Chart of the page: its title and its drawing, an `<svg>` element."""

    title: str
    svg: str


@dataclass(frozen=True)
class DropRow:
    """Row of the table of drops, as text."""

    label: str
    steps: str
    rates: str


def curve_charts(subjects: Sequence[Subject]) -> list[Chart]:
    """Draw loss, top-1 error, learning rate and speed over steps; those that are recorded."""
    marked = drop_marks(subjects)
    shown: list[tuple[str, Measure, list[Series], str]] = [
        ("Loss", "loss", _curves(subjects, "loss"), "cross-entropy (nats)"),
        ("Top-1 error", "top1", _curves(subjects, "top1"), "% wrong"),
        ("Learning rate", "learning_rate", _steps(subjects, "learning_rate", "until"),
         "learning rate"),
        ("Speed of the training", "images_per_second",
         _steps(subjects, "images_per_second", "since"), "images per second"),
    ]  # fmt: skip
    return [
        Chart(title, curve_chart(
            measure.replace("_", "-"), f"{title} over the steps. {_spoken(subjects, measure)}",
            series=series, drops=marked, unit=unit, logarithmic=measure == "learning_rate",
        ))
        for title, measure, series, unit in shown
        if any(one.values for one in series)
    ]  # fmt: skip


def _curves(subjects: Sequence[Subject], measure: Measure) -> list[Series]:
    """Return the curves of the training batches, then those of the test split above them."""
    train = [
        Series(one.number, averaged(_shown(one, "train", measure), _TRAIN_POINTS))
        for one in subjects
    ]
    test = [
        Series(one.number, values := _shown(one, "test", measure), [
            f"{one.label}, step {step:,}: {_written(measure, value)}" for step, value in values
        ])
        for one in subjects
    ]  # fmt: skip
    return train + test


def _steps(subjects: Sequence[Subject], measure: Measure, holds: Holds) -> list[Series]:
    """Return the values above 0 of the training's lines, each of which holds for some steps."""
    return [
        Series(one.number, [p for p in _shown(one, "train", measure) if p[1] > 0], holds=holds)
        for one in subjects
    ]


def _shown(one: Subject, split: str, measure: Measure) -> list[tuple[int, float]]:
    """Return a measure's points in the unit of its chart: the error in percent for top-1."""
    found = points(one.record, split, measure)
    return [(s, 100 * (1 - v)) for s, v in found] if measure == "top1" else found


def _written(measure: Measure, value: float) -> str:
    return f"{value:.2f} %" if measure == "top1" else f"{value:.4g}"


def _spoken(subjects: Sequence[Subject], measure: Measure) -> str:
    """Say each run's first and last value, on the test split where that was measured."""
    parts = []
    for one in subjects:
        found = _shown(one, "test", measure) or _shown(one, "train", measure)
        if found:
            (first, began), (last, ended) = found[0], found[-1]
            parts.append(
                f"{one.label}: {_written(measure, began)} at step {first:,}, "
                f"{_written(measure, ended)} at step {last:,}"
            )
    return "; ".join(parts)


def drop_marks(subjects: Sequence[Subject]) -> dict[int, str]:
    """Return the texts of all runs' drops, such as "÷10", by the first logged step after each."""
    return {
        drop.by: f"÷{drop.before / drop.rate:.0f}" if drop.rate > 0 else "0"
        for one in subjects
        for drop in drops(one.record)
    }


def drop_rows(subjects: Sequence[Subject]) -> list[DropRow]:
    """Return the drops of all runs as text, run by run."""
    return [
        DropRow(
            one.label, f"{drop.after:,} to {drop.by:,}", f"{drop.before:.3g} to {drop.rate:.3g}"
        )
        for one in subjects
        for drop in drops(one.record)
    ]
