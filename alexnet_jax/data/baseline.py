"""Baselines: accuracies that a network has to beat."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from alexnet_jax.data.dataset import Dataset

_LARGEST_SIDE = 64
_BINS = 8  # of each channel's 256 values


def pixels(images: np.ndarray) -> np.ndarray:
    """Average images over squares to at most 64 pixels a side.

    [N, S, S, C] uint8 -> [N, F] float32, one row for each image.

    Averaging helps the baseline: there are far fewer values, and single pixels no longer matter.
    """
    count, side, _, channels = images.shape
    step = -(-side // _LARGEST_SIDE)
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


def nearest_neighbour(dataset: Dataset) -> dict[str, float]:
    """Return the test accuracy, in [0, 1], of predicting the class of the nearest training image.

    "pixels" uses the Euclidean distance of pixels, "histograms" Hellinger's distance of colour
    histograms.
    """
    from sklearn.neighbors import KNeighborsClassifier

    accuracy = {}
    for name, features in (("pixels", pixels), ("histograms", histograms)):
        nearest = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
        nearest.fit(features(dataset.train.images[:]), dataset.train.labels)
        guesses = nearest.predict(features(dataset.test.images[:]))
        accuracy[name] = float(np.mean(guesses == dataset.test.labels))
    return accuracy


def logistic_regression(dataset: Dataset, iterations: int = 100) -> Regression:
    """Fit a multinomial logistic regression on pixels by at most `iterations` of L-BFGS.

    Pixels are averaged as by `pixels`, then standardized: minus the training split's mean, divided
    by its standard deviation. The loss is the sum of cross-entropies plus half the squared weights.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=iterations))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the budget is what stops it
        model.fit(pixels(dataset.train.images[:]), dataset.train.labels)
    accuracy = model.score(pixels(dataset.test.images[:]), dataset.test.labels)
    return Regression(float(accuracy), int(model[-1].n_iter_.max()))
