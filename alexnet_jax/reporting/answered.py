"""Answers of the networks as parts of a page: matrix, pairs, accuracy by class, mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alexnet_jax.errors import printable
from alexnet_jax.reporting.examination import (
    accuracy_by_class,
    confident_mistakes,
    confused_pairs,
    confusion,
)
from alexnet_jax.reporting.inside import Picture
from alexnet_jax.reporting.overview import percent
from alexnet_jax.reporting.subject import Subject

MOST_CLASSES = 20  # of a matrix that can be read
_PAIRS, _MISTAKES = 10, 12


@dataclass(frozen=True)
class Cell:
    """Cell of a confusion matrix: images, and their share of the row's class."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Matrix:
    """Confusion matrix: for each class its name and its cells, in label order."""

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def names(subject: Subject) -> list[str]:
    """Return the names of a run's classes in words, as a page shows them."""
    return [] if subject.trained is None else [printable(w) for w in subject.trained.class_words]


def matrix(subject: Subject) -> Matrix | None:
    """Return a run's confusion matrix; None without answers, or with too many classes to read."""
    if subject.examination is None or subject.examination.classes > MOST_CLASSES:
        return None
    counts = confusion(subject.examination)
    rows = []
    for label, (name, row) in enumerate(zip(names(subject), counts, strict=True)):
        size = max(1, int(row.sum()))
        cells = tuple(Cell(int(n), float(n / size), label == k) for k, n in enumerate(row))
        rows.append((name, cells))
    return Matrix(tuple(rows))


@dataclass(frozen=True)
class PairRow:
    """Row of the table of confused pairs."""

    label: str
    answer: str
    count: int
    share: float


def pairs(subject: Subject) -> list[PairRow]:
    """Return the pairs of classes that a run confuses most, none without answers."""
    if subject.examination is None:
        return []
    words = names(subject)
    found = confused_pairs(confusion(subject.examination), _PAIRS)
    return [PairRow(words[one.label], words[one.answer], one.count, one.share) for one in found]


def mistakes(subject: Subject) -> list[Picture]:
    """Return the wrong answers that a run is surest of, with the test images at stored size."""
    if subject.examination is None or subject.dataset is None:
        return []
    found, words, shown = subject.examination, names(subject), []
    for row in confident_mistakes(found, _MISTAKES):
        label, answer = words[found.labels[row]], words[found.answers[row]]
        sure = percent(found.confidence[row], 1)
        alt = f"Test image {row:,}, of the class {label}, taken for {answer}"
        caption = f"{label}, taken for {answer}, {sure}"
        shown.append(Picture.of(np.asarray(subject.dataset.test.images[row]), alt, caption))
    return shown


@dataclass(frozen=True)
class ByClass:
    """Accuracy by class of the runs whose classes have the same names.

    Attributes:
      numbers: numbers of these runs.
      rows: (class, test images, accuracy of each run or None), the least accurate class first, by
        the mean over the runs.
    """

    numbers: tuple[int, ...]
    rows: tuple[tuple[str, int, tuple[float | None, ...]], ...]


def by_class(subjects: Sequence[Subject]) -> list[ByClass]:
    """Return a table of accuracy for each set of classes."""
    groups: dict[tuple[str, ...], list[Subject]] = {}
    for one in subjects:
        if one.examination is not None:
            groups.setdefault(tuple(names(one)), []).append(one)
    return [_table(words, members) for words, members in groups.items()]


def _table(words: tuple[str, ...], members: Sequence[Subject]) -> ByClass:
    matrices = [confusion(one.examination) for one in members if one.examination is not None]
    columns = [accuracy_by_class(matrix) for matrix in matrices]
    sizes = matrices[0].sum(1)
    rows = [
        (word, int(size), values)
        for word, size, values in zip(words, sizes, zip(*columns, strict=True), strict=True)
    ]
    rows.sort(key=lambda row: _mean(row[2]))
    return ByClass(tuple(one.number for one in members), tuple(rows))


def _mean(values: tuple[float | None, ...]) -> float:
    """Return the mean of the values that are known, infinity without any."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else np.inf
