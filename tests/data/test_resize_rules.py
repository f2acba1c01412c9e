"""The rules by which other projects resize pictures."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet_jax.data.images import as_stored, read_stored
from alexnet_jax.data.sources.source import decode

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def noise(width: int, height: int) -> Image.Image:
    draw = np.random.default_rng([width, height])
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("sides", [(301, 200), (200, 301), (64, 64), (64, 87), (87, 64)])
def test_the_short_side_and_the_centre_of_the_rest(sides: tuple[int, int]) -> None:
    """As torchvision's Resize and CenterCrop: long sides cut to whole pixels, halves to even."""
    picture = noise(*sides)
    resized = picture.resize(
        tuple(int(64 * side / min(sides)) for side in sides), Image.Resampling.BILINEAR
    )
    left, top = round((resized.width - 64) / 2), round((resized.height - 64) / 2)
    expected = np.asarray(resized)[top : top + 64, left : left + 64]
    np.testing.assert_array_equal(as_stored(picture, 64, 3, "short_bilinear"), expected)


@pytest.mark.parametrize("name", FILTERS)
def test_warping_ignores_the_sides(name: str) -> None:
    picture = noise(90, 40)
    expected = np.asarray(picture.resize((64, 64), FILTERS[name]))
    np.testing.assert_array_equal(as_stored(picture, 64, 3, f"warp_{name}"), expected)


def test_every_rule_is_another() -> None:
    picture = noise(150, 100)
    rules = ("short_bicubic", "short_bilinear", "warp_bicubic", "warp_bilinear")
    found = [as_stored(picture, 64, 3, rule).tobytes() for rule in rules]
    assert len(set(found)) == 4


@pytest.mark.parametrize("rule", ["short_bilinear", "warp_bicubic"])
def test_a_long_strip_takes_little_memory(rule: str) -> None:
    ramp = np.repeat(np.linspace(0, 255, 200_000).astype(np.uint8)[:, None], 2, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = as_stored(Image.fromarray(ramp), 256, 1, rule)[..., 0].astype(int)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 100 << 20  # whole, it would be 256 x 25,600,000 pixels
    if rule == "short_bilinear":
        assert np.abs(found - 127).max() <= 1  # its middle
    else:
        assert (found[0].max(), found[-1].min()) <= (2, 253)


@pytest.mark.parametrize("rule", ["short_bicubic", "warp_bilinear"])
def test_jpegs_are_decoded_in_full(tmp_path: Path, rule: str) -> None:
    """Pillow's shortcut for large JPEGs, which the preparation of a data set takes, is some levels
    off."""
    path = tmp_path / "large.jpg"
    noise(800, 640).save(path, quality=90)
    with Image.open(path) as picture:
        picture.load()
        expected = as_stored(picture, 32, 3, rule)
    np.testing.assert_array_equal(read_stored(path, size=32, channels=3, resize=rule), expected)
    prepared = decode(path.read_bytes(), "large.jpg", 32, 3).astype(int)
    if rule == "short_bicubic":
        assert 0 < np.abs(prepared - expected).max() < 48
