"""Mean image and colour statistics of a training split."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Split

_CHUNK = 1024  # images held as float64 at a time


def pixel_statistics(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean image, and eigenvectors and standard deviations of the pixels' colours.

    Two passes in float64: the mean image; then the covariance of all pixels' C values around
    their own mean. Eigenvectors are columns, largest deviation first, each with its largest
    component positive (the sign is free).

    Returns:
      [S, S, C], [C, C], [C] float32, in units of 0 to 255.

    Source: paper section 4.1; `make-data` of the later source for the standard deviations.
    """
    total = np.zeros(split.images.shape[1:])
    for chunk in _chunks(split):
        total += chunk.sum(0)
    mean = total / len(split)
    channels = mean.shape[-1]
    colour = mean.reshape(-1, channels).mean(0)
    outer = np.zeros((channels, channels))
    for chunk in _chunks(split):
        pixels = chunk.reshape(-1, channels) - colour
        outer += pixels.T @ pixels
    covariance = outer / (len(split) * mean.shape[0] * mean.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0, keepdims=True), 0)
    vectors = vectors * np.sign(largest)
    deviations = np.sqrt(np.maximum(values, 0))
    return mean.astype(np.float32), vectors.astype(np.float32), deviations.astype(np.float32)


def _chunks(split: Split):  # type: ignore[no-untyped-def]
    for start in range(0, len(split), _CHUNK):
        yield split.images[start : start + _CHUNK].astype(np.float64)
