"""Views of stored images: what is cut out, where, how often, and in which dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import assert_close, float64
from helpers.views import NOISY, PLAIN, centre, keys, pictures, place_of, statistics, views_of

from alexnet_jax.data.augment import Statistics, centre_crop, centre_views


@pytest.mark.parametrize(
    ("height", "width", "size", "top", "left"),
    [(8, 8, 4, 2, 2), (8, 8, 5, 1, 1), (9, 6, 4, 2, 1), (5, 5, 5, 0, 0), (6, 7, 1, 2, 3)],
)
def test_centre_crop(height: int, width: int, size: int, top: int, left: int) -> None:
    """Odd borders have one row less above than below; leading axes stay."""
    images = np.arange(2 * 3 * height * width * 2).reshape(2, 3, height, width, 2)
    got = centre_crop(jnp.asarray(images), size)
    np.testing.assert_array_equal(got, images[:, :, top : top + size, left : left + size])


@pytest.mark.parametrize(("size", "top", "left"), [((4, 7), 2, 0), ((3, 4), 2, 1), ((8, 1), 0, 3)])
def test_centre_crop_that_is_not_square(size: tuple[int, int], top: int, left: int) -> None:
    images = np.arange(2 * 8 * 7 * 3).reshape(2, 8, 7, 3)
    got = centre_crop(jnp.asarray(images), size)
    np.testing.assert_array_equal(got, images[:, top : top + size[0], left : left + size[1]])
    for larger in ((9, 7), (8, 8), (0, 4)):
        with pytest.raises(ValueError, match="does not fit into images"):
            centre_crop(jnp.asarray(images), larger)


@pytest.mark.parametrize("scale", [1.0, 1 / 128, 3.0])
@pytest.mark.parametrize(("side", "size"), [(8, 5), (8, 4), (6, 6)])
def test_centre_views(side: int, size: int, scale: float) -> None:
    images, stats = pictures(3, side), statistics(side)
    got = centre_views(images, stats, size=size, scale=scale)
    want = [scale * (centre(image, size) - centre(stats.mean, size)) for image in images]
    assert got.dtype == jnp.float32
    assert_close(got, np.stack(want), 1e-6)


@pytest.mark.parametrize(
    ("side", "size", "channels", "mirror"),
    [(8, 5, 3, True), (8, 5, 3, False), (7, 5, 1, True), (6, 6, 3, True)],
)
def test_views_are_sub_images_minus_the_centre_of_the_mean(
    side: int, size: int, channels: int, mirror: bool
) -> None:
    """The mean's own centre, never moved or mirrored with the crop."""
    images, stats = pictures(40, side, channels), statistics(side, (9.0,) * channels)
    rule = PLAIN | {"mirror": mirror}
    views = views_of(keys(40), images, stats, size=size, **rule)
    assert views.shape == (40, size, size, channels)
    assert views.dtype == jnp.float32
    places = [place_of(*pair, stats.mean) for pair in zip(views, images, strict=True)]
    border = side - size
    assert {top for top, _, _ in places} == set(range(border + 1))
    assert {left for _, left, _ in places} == set(range(border + 1))
    assert {mirrored for _, _, mirrored in places} == ({True, False} if mirror else {False})


def test_place_and_mirroring_are_uniform_and_independent() -> None:
    """All 16 places, mirrored and not, equally often: chi-square of 32 cells below its 99.9 %
    quantile, 61.1 at 31 degrees of freedom."""
    side, size, count = 7, 4, 4096
    image = (8 * np.arange(side)[:, None] + np.arange(side))[..., None].astype(np.uint8)
    stats = Statistics(np.zeros((side, side, 1)), np.eye(1), np.ones(1))
    views = views_of(keys(count), np.stack([image] * count), stats, size=size, **PLAIN)
    first, last = np.asarray(views[:, 0, 0, 0], int), np.asarray(views[:, 0, -1, 0], int)
    corner = np.minimum(first, last)
    cells = np.zeros((4, 4, 2))
    np.add.at(cells, (corner // 8, corner % 8, (last < first).astype(int)), 1)
    assert cells.sum() == count
    assert np.sum((cells - count / 32) ** 2 / (count / 32)) < 61.1
    assert abs(cells[..., 1].sum() - count / 2) < 4 * np.sqrt(count / 4)


def test_places_of_views_that_are_not_square() -> None:
    """Rows from 0 to 2 and columns from 0 to 4 of images of 7, each of them drawn."""
    side, (height, width), count = 7, (5, 3), 400
    image = (8 * np.arange(side)[:, None] + np.arange(side))[..., None].astype(np.uint8)
    stats = Statistics(np.zeros((side, side, 1)), np.eye(1), np.ones(1))
    rule = PLAIN | {"mirror": False}
    views = views_of(keys(count), np.stack([image] * count), stats, size=(height, width), **rule)
    assert views.shape == (count, height, width, 1)
    corners = views[:, 0, 0, 0].astype(int)
    assert {(corner // 8, corner % 8) for corner in corners.tolist()} == {
        (top, left) for top in range(3) for left in range(5)
    }
    inside = 8 * np.arange(height)[:, None] + np.arange(width)
    np.testing.assert_array_equal(views[..., 0], corners[:, None, None] + inside)


def test_each_example_is_drawn_from_its_own_key() -> None:
    """Any order and any split of the batch draws the same views, whatever stands beside."""
    images, stats, each = pictures(12, 8), statistics(8), keys(12)
    whole = np.asarray(views_of(each, images, stats, size=5, **NOISY))
    order = np.random.default_rng(0).permutation(12)
    mixed = views_of(each[order], images[order], stats, size=5, **NOISY)
    assert_close(mixed, whole[order], 1e-6)
    for rows in (slice(0, 4), slice(4, 8), slice(8, 12), [7, 0, 3, 11]):
        part = views_of(each[rows], images[rows], stats, size=5, **NOISY)
        assert_close(part, whole[rows], 1e-6)


def test_other_keys_give_other_views_and_the_same_keys_the_same() -> None:
    image, stats = pictures(1, 8), statistics(8)
    images = np.concatenate([image] * 12)
    first, again, other = (
        np.asarray(views_of(keys(12, seed), images, stats, size=5, **NOISY)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert len({view.tobytes() for view in (*first, *other)}) == 24


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_float64_views(noise: float) -> None:
    """The place of each crop is found from its content, to 1e-12 of the pixels' range; colour
    noise shifts all pixels of a view alike."""
    images, stats = pictures(10, 8), statistics(8)
    rule = {"mirror": True, "colour_noise": noise, "scale": 1.0}
    with jax.enable_x64(True):
        views = views_of(keys(10), images, stats, size=5, dtype=jnp.float64, **rule)
        same = views_of(
            keys(10), images, stats, size=5, dtype=jnp.float64, **rule | {"colour_noise": 0.0}
        )
        test = centre_views(images, stats, size=5, scale=1.0, dtype=jnp.float64)
    assert views.dtype == same.dtype == test.dtype == np.float64
    mean = centre(stats.mean, 5)
    assert_close(test, np.stack([centre(image, 5) - mean for image in images]), 1e-14)
    shift = np.asarray(views) - np.asarray(same)
    assert_close(shift, np.broadcast_to(shift[:, :1, :1], shift.shape), 1e-12)
    for view, image in zip(np.asarray(same), images, strict=True):
        top, left, mirrored = place_of(view, image, stats.mean)
        cut = image[top : top + 5, left : left + 5].astype(np.float64)
        assert_close(view, (cut[:, ::-1] if mirrored else cut) - mean, 1e-14)


def test_bfloat16_views_are_the_float32_ones_to_a_grey_level() -> None:
    """bfloat16 holds 0 to 255 exactly but rounds the mean and the difference by up to 1/2 each."""
    images, stats = pictures(12, 8), statistics(8)
    rule = PLAIN | {"scale": 1 / 128}
    views = views_of(keys(12), images, stats, size=5, dtype=jnp.bfloat16, **rule)
    exact = views_of(keys(12), images, stats, size=5, **PLAIN)
    centred = centre_views(images, stats, size=5, scale=1 / 128, dtype=jnp.bfloat16)
    plain = [centre(image, 5) - centre(stats.mean, 5) for image in images]
    assert views.dtype == centred.dtype == jnp.bfloat16
    for got, want in ((views, exact), (centred, np.stack(plain))):
        assert np.max(np.abs(128 * float64(got) - float64(want))) <= 1


def test_without_random_crops_every_view_is_the_centre() -> None:
    """Mirrored or not, as drawn; the same draws as with them."""
    images, stats = pictures(8, 9), statistics(9)
    views = views_of(keys(8), images, stats, size=6, random_crop=False, **PLAIN)
    drawn = views_of(keys(8), images, stats, size=6, **PLAIN)
    middle = centre(stats.mean, 6)
    mirrored = []
    for view, image, one in zip(views, images, drawn, strict=True):
        plain = centre(image, 6)
        mirrored.append(place_of(one, image, stats.mean)[2])
        assert_close(view, (plain[:, ::-1] if mirrored[-1] else plain) - middle, 1e-6)
    assert 0 < sum(mirrored) < 8
