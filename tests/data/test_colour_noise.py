"""Colour noise of training views: its spread, its axes, its scale."""

import numpy as np
import pytest
from helpers.reference import assert_close
from helpers.views import AXES, NOISY, PLAIN, keys, pictures, statistics, views_of


def colour_noise(count: int, deviations: tuple[float, ...], strength: float) -> np.ndarray:
    """[count, 3] what is added to a constant image, float64; constant over the pixels."""
    stats = statistics(6, deviations)._replace(mean=np.zeros((6, 6, 3), np.float32))
    images = np.full((count, 6, 6, 3), 100, np.uint8)
    rule = {"mirror": True, "colour_noise": strength, "scale": 1.0}
    views = np.asarray(views_of(keys(count), images, stats, size=5, **rule), np.float64)
    np.testing.assert_array_equal(views, np.broadcast_to(views[:, :1, :1], views.shape))
    return views[:, 0, 0] - 100


@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_colour_noise_has_the_documented_spread(strength: float) -> None:
    """Along axis c the noise is N(0, (strength s_c)^2), independently. Of n draws, the standard
    deviation is known to 1 / sqrt(2 n), means and correlations to 1 / sqrt(n): four of those."""
    count, deviations = 2000, (40.0, 12.0, 5.0)
    along = colour_noise(count, deviations, strength) @ AXES / (strength * np.asarray(deviations))
    np.testing.assert_allclose(along.std(0), 1.0, atol=4 / np.sqrt(2 * count))
    np.testing.assert_allclose(along.mean(0), 0.0, atol=4 / np.sqrt(count))
    np.testing.assert_allclose(np.corrcoef(along.T), np.eye(3), atol=4 / np.sqrt(count))
    # Normal, not uniform or two-valued: E z^4 = 3, known to sqrt(96 / n).
    np.testing.assert_allclose((along**4).mean(0), 3.0, atol=4 * np.sqrt(96 / count))


def test_colour_noise_stays_on_axes_with_a_deviation() -> None:
    along = colour_noise(2000, (40.0, 12.0, 0.0), 0.1) @ AXES
    assert np.max(np.abs(along[:, 2])) < 1e-4
    assert np.min(along.std(0)[:2]) > 0.8


def test_without_colour_noise_the_axes_are_not_read() -> None:
    images, stats = pictures(12, 8), statistics(8)
    empty = stats._replace(eigenvectors=np.full((3, 3), np.nan, np.float32))
    got, want = (views_of(keys(12), images, s, size=5, **PLAIN) for s in (empty, stats))
    np.testing.assert_array_equal(got, want)
    noisy = views_of(keys(12), images, stats, size=5, **NOISY)
    assert np.min(np.max(np.abs(noisy - want), (1, 2, 3))) > 0.1


def test_scale_multiplies_the_view_with_its_noise() -> None:
    images, stats = pictures(12, 8), statistics(8)
    plain = views_of(keys(12), images, stats, size=5, **NOISY)
    scaled = views_of(keys(12), images, stats, size=5, **NOISY | {"scale": 1 / 128})
    assert_close(scaled, np.asarray(plain, np.float64) / 128, 1e-6)
