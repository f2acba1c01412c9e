"""A trained network on every image of the test split: confusions, accuracy by class, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alexnet_jax.data import Split
from alexnet_jax.inference import Trained

_BLOCK = 512  # images whose probabilities are in memory at once


@dataclass(frozen=True)
class Examination:
    """Answers of a network to the N images of a split.

    Attributes:
      labels: [N] classes of the images.
      answers: [N] most probable classes; of equal ones the last.
      confidence: [N] probabilities of the answers, in [0, 1].
      classes: number of classes, K.
    """

    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    classes: int

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(np.mean(self.labels == self.answers))


@dataclass(frozen=True)
class Pair:
    """Images of one class that are taken for another: how many, and their share of the class."""

    label: int
    answer: int
    count: int
    share: float


def examine(
    trained: Trained, split: Split, advance: Callable[[int], None] = lambda count: None
) -> Examination:
    """Classify every image of a split by its centre crop.

    Args:
      advance: called with the number of images of each part that is done.
    """
    answers, confidence = [], []
    for start in range(0, len(split), _BLOCK):
        images = split.images[start : start + _BLOCK]
        probabilities = trained.probabilities(images)
        answers.append(probabilities.shape[1] - 1 - probabilities[:, ::-1].argmax(1))
        confidence.append(probabilities.max(1))
        advance(len(images))
    return Examination(
        labels=np.asarray(split.labels),
        answers=np.concatenate(answers),
        confidence=np.concatenate(confidence).astype(np.float64),
        classes=len(trained.class_names),
    )


def confusion(examination: Examination) -> np.ndarray:
    """Return [K, K] counts: row k has the images of class k, column j those taken for class j."""
    classes = examination.classes
    cells = examination.labels.astype(np.int64) * classes + examination.answers
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def confused_pairs(matrix: np.ndarray, count: int) -> list[Pair]:
    """Return the pairs of different classes that are confused most, the most frequent first.

    Of equally frequent ones, the pair with the larger share of its class is first.
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    sizes = matrix.sum(1)
    pairs = [
        Pair(int(label), int(answer), int(wrong[label, answer]),
             float(wrong[label, answer] / sizes[label]))
        for label, answer in np.argwhere(wrong)
    ]  # fmt: skip
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:count]


def accuracy_by_class(matrix: np.ndarray) -> list[float | None]:
    """Return the share of right answers of each class, None for a class without images."""
    return [
        float(right / size) if size else None
        for right, size in zip(matrix.diagonal(), matrix.sum(1), strict=True)
    ]


def confident_mistakes(examination: Examination, count: int) -> list[int]:
    """Return the rows of the wrong answers with the highest probability, the highest first."""
    wrong = np.flatnonzero(examination.labels != examination.answers)
    order = np.argsort(-examination.confidence[wrong], kind="stable")
    return [int(row) for row in wrong[order][:count]]
