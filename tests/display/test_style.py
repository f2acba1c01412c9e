"""Colours of the figures: told apart by all readers, and dark enough."""

from itertools import combinations

import numpy as np
import pytest

from alexnet_jax.display import style

# Machado, Oliveira and Fernandes (2009), linear RGB as seen without one kind of cones.
SIGHTS = {
    "all": np.eye(3),
    "no red": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "no green": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
}
CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
LIGHTNESS_AND_OPPONENTS = np.array(
    [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
)


def linear(colour: str) -> np.ndarray:
    """Red, green and blue of `#rrggbb`, proportional to light, in [0, 1]."""
    coded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def seen(colour: str, sight: str) -> np.ndarray:
    """A colour in Oklab, where equal distances look about equally large; black to white is 1."""
    light = np.clip(SIGHTS[sight] @ linear(colour), 0, 1)
    return LIGHTNESS_AND_OPPONENTS @ np.cbrt(CONES @ light)


def contrast(colour: str) -> float:
    """Contrast with white, 1 to 21, as the accessibility guidelines define it."""
    return float(1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05))


@pytest.mark.parametrize("sight", SIGHTS)
def test_series_are_told_apart(sight: str) -> None:
    for one, other in combinations(style.SERIES, 2):
        distance = np.linalg.norm(seen(one, sight) - seen(other, sight))
        assert distance > 0.08, f"{one} and {other}"


def test_the_measures_themselves() -> None:
    """Black on white has the contrast 21 and the distance 1; red and green of one lightness, far
    apart in full sight, are close without green."""
    assert contrast("#000000") == pytest.approx(21)
    assert seen("#ffffff", "all") == pytest.approx([1, 0, 0], abs=2e-3)
    red, green = "#b5341b", "#4d7c0f"
    assert np.linalg.norm(seen(red, "all") - seen(green, "all")) > 0.2
    assert np.linalg.norm(seen(red, "no green") - seen(green, "no green")) < 0.01


def test_colours_are_legible_on_white_and_dark_text_on_the_pale_ones() -> None:
    texts = {style.BLUE, style.ORANGE, style.GREEN, style.RED, style.VIOLET, style.GREY, style.INK}
    assert all(contrast(colour) >= 4.5 for colour in texts)
    assert all(contrast(colour) >= 3 for colour in style.SERIES)
    for pale in (style.PALE, style.FAINT, style.ROSE):
        assert contrast("#000000") / contrast(pale) >= 7
