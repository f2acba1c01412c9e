"""Answers to a whole split, and what is read off them."""

import dataclasses

import numpy as np
import pytest
from helpers.html_pages import one_run
from helpers.scripts import Run

from alexnet_jax.reporting.answered import by_class, matrix, mistakes, pairs
from alexnet_jax.reporting.examination import (
    Examination,
    Pair,
    accuracy_by_class,
    confident_mistakes,
    confused_pairs,
    confusion,
)

DRAW = np.random.default_rng(3)
LABELS, ANSWERS = DRAW.integers(0, 4, 200), DRAW.integers(0, 4, 200)
DRAWN = Examination(LABELS, ANSWERS, DRAW.uniform(size=200), 5)  # the last class has no image


def test_the_confusion_counts_every_image_once() -> None:
    counts = confusion(DRAWN)
    for label in range(5):
        for answer in range(5):
            both = [
                (a, b) for a, b in zip(LABELS, ANSWERS, strict=True) if (a, b) == (label, answer)
            ]
            assert counts[label, answer] == len(both)
    assert DRAWN.accuracy == pytest.approx(counts.trace() / 200)


def test_accuracy_by_class_leaves_out_classes_without_images() -> None:
    found = accuracy_by_class(confusion(DRAWN))
    for label in range(4):
        own = ANSWERS[label == LABELS]
        assert found[label] == pytest.approx(np.mean(own == label))
    assert found[4] is None


def test_pairs_are_ordered_by_images_then_by_share() -> None:
    counts = np.array([[90, 5, 5], [5, 10, 0], [0, 1, 9]])
    found = confused_pairs(counts, 3)
    assert found == [Pair(1, 0, 5, 1 / 3), Pair(0, 1, 5, 0.05), Pair(0, 2, 5, 0.05)]
    assert confused_pairs(counts, 9)[-1] == Pair(2, 1, 1, 0.1)
    assert confused_pairs(np.diag([3, 4]), 3) == []


def test_mistakes_are_wrong_and_the_surest_first() -> None:
    rows = confident_mistakes(DRAWN, 7)
    sure = DRAWN.confidence[rows]
    assert all(LABELS[rows] != ANSWERS[rows])
    assert list(sure) == sorted(sure, reverse=True)
    others = set(np.flatnonzero(LABELS != ANSWERS)) - set(rows)
    assert max(DRAWN.confidence[list(others)]) <= sure[-1]


def test_answers_agree_with_the_evaluation(finished: Run) -> None:
    """The training evaluated the same checkpoint by a program of its own. Confidences are the
    largest of each image's probabilities."""
    subject = one_run(finished.workdir)
    assert subject.examination is not None
    assert subject.dataset is not None
    assert subject.trained is not None
    recorded = [line for line in finished.measured if line.get("split") == "test"][-1]
    assert subject.examination.accuracy == pytest.approx(recorded["top1"], abs=1e-6)
    rows = [0, 40, 359]
    probabilities = subject.trained.probabilities(subject.dataset.test.images[rows])
    np.testing.assert_allclose(subject.examination.confidence[rows], probabilities.max(1), 1e-5)
    assert list(subject.examination.answers[rows]) == list(probabilities.argmax(1))


def test_parts_of_the_page(finished: Run) -> None:
    subject = one_run(finished.workdir)
    assert subject.examination is not None
    counts = confusion(subject.examination)
    shown = matrix(subject)
    assert shown is not None
    assert [[cell.count for cell in cells] for _, cells in shown.rows] == counts.tolist()
    assert all(cell.right == (i == k) for i, (_, cells) in enumerate(shown.rows)
               for k, cell in enumerate(cells))  # fmt: skip
    first = pairs(subject)[0]
    assert first.count == (counts - np.diag(counts.diagonal())).max()
    (table,) = by_class([subject, subject])
    assert [name for name, _, _ in table.rows] != sorted(name for name, _, _ in table.rows)
    shares = [values[0] for _, _, values in table.rows]
    assert shares == sorted(shares, key=lambda share: -1.0 if share is None else share)
    assert {picture.width for picture in mistakes(subject)} == {32}


def test_many_classes_have_no_matrix(finished: Run) -> None:
    subject = one_run(finished.workdir)
    many = Examination(np.arange(21), np.arange(21), np.ones(21), 21)
    assert matrix(dataclasses.replace(subject, examination=many)) is None
