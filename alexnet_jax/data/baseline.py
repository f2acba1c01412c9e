"""Baselines: accuracies that a network has to beat."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from alexnet_jax.data.dataset import Dataset, Images

_BINS = 8  # of each channel's 256 values
_BLOCK = 1024  # images whose features are computed at a time

Features = Callable[[np.ndarray], np.ndarray]  # [N, S, S, C] uint8 -> [N, F] float32


def pixels(images: np.ndarray, largest_side: int = 64) -> np.ndarray:
    """Average images over squares to at most `largest_side` pixels a side.

    [N, S, S, C] uint8 -> [N, F] float32, one row for each image.

    Averaging helps the baseline: there are far fewer values, and single pixels no longer matter.
    """
    count, side, _, channels = images.shape
    step = -(-side // largest_side)
    kept = side // step
    squares = images[:, : kept * step, : kept * step].reshape(
        count, kept, step, kept, step, channels
    )
    return squares.mean((2, 4), dtype=np.float32).reshape(count, -1)


def histograms(images: np.ndarray) -> np.ndarray:
    """Return the square roots of each image's colour histogram of 8^C cells: [N, 8^C] float32.

    The Euclidean distance between such rows is Hellinger's distance between the histograms.
    """
    channels = images.shape[-1]
    places = _BINS ** np.arange(channels)

    def shares(image: np.ndarray) -> np.ndarray:
        cells = (image // (256 // _BINS)).reshape(-1, channels) @ places
        return np.bincount(cells, minlength=_BINS**channels) / len(cells)

    return np.stack([np.sqrt(shares(image)).astype(np.float32) for image in images])


class Regression(NamedTuple):
    """Test accuracy of a logistic regression, in [0, 1], and the iterations that were made."""

    accuracy: float
    iterations: int


def nearest_neighbour(dataset: Dataset, features: Features = pixels) -> float:
    """Return the test accuracy, in [0, 1], of predicting the class of the nearest training image.

    The distance of two images is the Euclidean one of their features: with `pixels` that of the
    pixels, with `histograms` Hellinger's distance of colour histograms.
    """
    from sklearn.neighbors import KNeighborsClassifier

    nearest = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
    nearest.fit(_rows(features, dataset.train.images), dataset.train.labels)
    guesses = nearest.predict(_rows(features, dataset.test.images))
    return float(np.mean(guesses == dataset.test.labels))


def logistic_regression(
    dataset: Dataset, iterations: int = 100, features: Features = pixels
) -> Regression:
    """Fit a multinomial logistic regression on features by at most `iterations` of L-BFGS.

    Features are standardized: minus the training split's mean, divided by its standard deviation.
    The loss is the sum of cross-entropies plus half the squared weights. One copy of the training
    split's features is in memory, in float32.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train, test = (_rows(features, split.images) for split in (dataset.train, dataset.test))
    scaler = StandardScaler(copy=False)
    for start in range(0, len(train), _BLOCK):  # all at once, it makes a second copy of them
        scaler.partial_fit(train[start : start + _BLOCK])
    model = LogisticRegression(max_iter=iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the budget is what stops it
        model.fit(scaler.transform(train), dataset.train.labels)
    accuracy = model.score(scaler.transform(test), dataset.test.labels)
    return Regression(float(accuracy), int(model.n_iter_.max()))


def _rows(features: Features, images: Images) -> np.ndarray:
    """Return the features of all images, computed a block at a time: [N, F] float32."""
    first = features(images[:1])
    rows = np.empty((len(images), first.shape[1]), np.float32)
    for start in range(0, len(images), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows[part] = features(images[part])
    return rows
