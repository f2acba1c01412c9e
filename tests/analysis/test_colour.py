"""Colour of kernels against its formula, and the test by permutation against all divisions."""

import itertools

import numpy as np
import pytest

from alexnet_jax.analysis import colour_index, combined_p, tower_contrast
from alexnet_jax.errors import InputError

RANDOM = np.random.default_rng(0)
GREY = np.ones(3) / np.sqrt(3)


def test_the_index_is_its_formula() -> None:
    """c = 1 - sum_p (w_p . g)^2 / sum_p |w_p|^2, pixel by pixel in float64."""
    kernel = RANDOM.normal(0.3, 1, (4, 5, 3, 6)).astype(np.float32)
    wanted = []
    for number in range(6):
        pixels = kernel[..., number].astype(np.float64).reshape(-1, 3)
        grey = sum(float(pixel @ GREY) ** 2 for pixel in pixels)
        wanted.append(1 - grey / sum(float(pixel @ pixel) for pixel in pixels))
    np.testing.assert_allclose(colour_index(kernel), wanted, rtol=1e-12)
    np.testing.assert_allclose(colour_index(-8 * kernel), wanted, rtol=1e-12)


def test_indices_that_are_known() -> None:
    """Equal channels have none, opponents nothing else, one channel two thirds as noise has."""
    plain = RANDOM.normal(size=(3, 3, 1))
    kernels = [plain * np.float64(colour) for colour in ([1, 1, 1], [1, -1, 0], [0, 0, 2])]
    found = colour_index(np.stack([*kernels, np.zeros((3, 3, 3))], -1))
    np.testing.assert_allclose(found, [0, 1, 2 / 3, 0], rtol=0, atol=1e-15)
    noise = colour_index(RANDOM.normal(size=(11, 11, 3, 400)))
    assert noise.mean() == pytest.approx(2 / 3, abs=0.01)


def test_what_kernels_at_both_ends_answer_to() -> None:
    """At 0 a picture and its grey copy give the same response, at 1 any grey picture none."""
    picture = RANDOM.normal(size=(4, 4, 3))
    grey = np.repeat(picture.mean(2, keepdims=True), 3, 2)
    plain, weights = RANDOM.normal(size=(4, 4, 1)), RANDOM.normal(size=(4, 4, 3))
    blind_to_colour = np.repeat(plain, 3, 2)
    blind_to_grey = weights - weights.mean(2, keepdims=True)
    indices = colour_index(np.stack([blind_to_colour, blind_to_grey, weights], -1))
    assert indices[:2] == pytest.approx([0, 1], abs=1e-12)
    assert 0.1 < indices[2] < 0.9
    assert np.sum(blind_to_colour * picture) == pytest.approx(np.sum(blind_to_colour * grey))
    assert abs(np.sum(weights * picture) - np.sum(weights * grey)) > 0.1
    assert np.sum(blind_to_grey * grey) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shape", [(3, 3, 1, 4), (3, 3, 3)])
def test_kernels_of_other_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"must be \[H, W, 3, M\], red, green and blue; got \("):
        colour_index(np.zeros(shape))


def divisions(index: np.ndarray) -> np.ndarray:
    """|difference| of the means of two halves, for every division of the kernels."""
    values, half = index.ravel(), index.shape[1]
    return np.array([
        abs(values[list(part)].mean() - np.delete(values, part).mean())
        for part in itertools.combinations(range(len(values)), half)
    ])  # fmt: skip


def test_the_contrast_is_that_of_all_divisions() -> None:
    """Of 20: the most uneven one and its mirror image give p = .1; another one more."""
    uneven = np.array([[0.1, 0.2, 0.3], [0.5, 0.7, 0.9]])
    mixed = np.array([[0.1, 0.7, 0.3], [0.5, 0.2, 0.9]])
    for index in (uneven, mixed):
        sizes = divisions(index)
        found = tower_contrast(index)
        assert found.difference == pytest.approx(index[0].mean() - index[1].mean())
        share = np.mean(sizes >= abs(found.difference) - 1e-12)
        assert found.p == pytest.approx(share, abs=0.015)
        assert found.chance == pytest.approx(sizes.mean(), rel=0.03)
    assert tower_contrast(uneven).p == pytest.approx(0.1, abs=0.015)
    assert tower_contrast(uneven) == tower_contrast(uneven)
    assert tower_contrast(uneven).difference < 0 < tower_contrast(uneven[::-1]).difference


def test_several_networks_together() -> None:
    """Against all pairs of divisions; the towers' numbers do not matter."""
    indices = [np.array([[0.1, 0.4], [0.5, 0.7]]), np.array([[0.9, 0.8], [0.85, 0.2]])]
    sums = [a + b for a in divisions(indices[0]) for b in divisions(indices[1])]
    whole = sum(abs(index[0].mean() - index[1].mean()) for index in indices)
    share = np.mean(np.array(sums) >= whole - 1e-12)
    assert combined_p(indices) == pytest.approx(share, abs=0.015)
    assert combined_p([indices[0], indices[1][::-1]]) == pytest.approx(share, abs=0.015)


def test_p_is_never_nothing() -> None:
    """Not even where no draw comes near: (1 + 0) / (1 + draws)."""
    index = np.stack([np.linspace(0, 0.1, 32), np.linspace(0.9, 1, 32)])
    assert tower_contrast(index, draws=99).p == 0.01
    assert combined_p([index, index], draws=99) == 0.01
