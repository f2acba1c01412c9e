"""A scale for each channel in every kind of view."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from alexnet_jax.data.augment import Statistics, centre_views, ten_views, training_views

SCALE = (0.5, 2.0, 3.0)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
STATISTICS = Statistics(
    mean=np.full((8, 8, 3), 100, np.float32),
    eigenvectors=np.eye(3, dtype=np.float32),
    deviations=np.ones(3, np.float32),
)


@pytest.mark.parametrize("views", [centre_views, ten_views])
def test_evaluation(views: Any) -> None:
    plain = np.asarray(views(IMAGES, STATISTICS, size=6, scale=1.0))
    found = views(IMAGES, STATISTICS, size=6, scale=SCALE)
    np.testing.assert_array_equal(found, plain * np.float32(SCALE))


@pytest.mark.parametrize("attenuate", [False, True])
def test_training(attenuate: bool) -> None:
    keys = jax.random.split(jax.random.key(3), 2)
    settings = {"size": 6, "mirror": True, "colour_noise": 0.25, "attenuate": attenuate}
    plain = np.asarray(training_views(keys, IMAGES, STATISTICS, scale=1.0, **settings))
    found = training_views(keys, IMAGES, STATISTICS, scale=SCALE, **settings)
    np.testing.assert_allclose(found, plain * np.float32(SCALE), rtol=1e-6)
