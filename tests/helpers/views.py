"""Images, statistics and keys to make views of, and what a view was cut from."""

from functools import cache
from typing import Any

import jax
import numpy as np

from alexnet_jax.data.augment import Statistics, training_views
from helpers.reference import draw

AXES = np.linalg.qr(draw(3, 3, seed=1))[0]  # columns; its transpose is another basis
PLAIN = {"mirror": True, "colour_noise": 0.0, "scale": 1.0}
NOISY = {"mirror": True, "colour_noise": 0.1, "scale": 1.0}


def pictures(count: int, side: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """[count, side, side, channels] uint8 noise."""
    generator = np.random.default_rng([seed, side])
    return generator.integers(0, 256, (count, side, side, channels), dtype=np.uint8)


def statistics(side: int, deviations: tuple[float, ...] = (40.0, 12.0, 5.0)) -> Statistics:
    """An uneven mean image in [0, 255] and colour axes that are not the channels."""
    channels = len(deviations)
    mean = np.random.default_rng(side).uniform(0, 255, (side, side, channels))
    axes = AXES if channels == 3 else np.eye(channels)
    return Statistics(*(np.asarray(x, np.float32) for x in (mean, axes, deviations)))


@cache
def keys(count: int, seed: int = 0) -> np.ndarray:
    """[count, 2] the data of `count` random keys, to be sliced on the host."""
    return np.asarray(jax.random.key_data(jax.random.split(jax.random.key(seed), count)))


@cache
def _compiled(**rule: Any) -> Any:
    return jax.jit(
        lambda data, images, stats: training_views(
            jax.random.wrap_key_data(data), images, stats, **rule
        )
    )


def views_of(data: np.ndarray, images: np.ndarray, stats: Statistics, **rule: Any) -> np.ndarray:
    """The training views of images, each with its key, compiled once for each rule."""
    return np.asarray(_compiled(**rule)(data, images, stats))


def centre(image: np.ndarray, size: int) -> np.ndarray:
    """The central square in float64, the smaller half of an odd border above and to the left."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return np.asarray(image, np.float64)[top : top + size, left : left + size]


def place_of(view: Any, image: np.ndarray, mean: np.ndarray) -> tuple[int, int, bool]:
    """(top, left, mirrored) of the one sub-image that, minus the mean's centre, is the view."""
    size = view.shape[0]
    plain = np.asarray(view, np.float64) + centre(mean, size)
    matches = []
    for top in range(image.shape[0] - size + 1):
        for left in range(image.shape[1] - size + 1):
            cut = image[top : top + size, left : left + size].astype(np.float64)
            for mirrored, want in ((False, cut), (True, cut[:, ::-1])):
                if np.max(np.abs(plain - want)) < 1e-4:
                    matches.append((top, left, mirrored))
    assert len(matches) == 1, matches
    return matches[0]
