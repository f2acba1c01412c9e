"""The photographs' data set: fields, crops, and the baselines a network has to beat."""

import runpy
import sys

import numpy as np
import pytest
from helpers.scripts import EXPERIMENTS
from PIL import Image

from alexnet_jax import data
from alexnet_jax.data.baseline import (
    histograms,
    logistic_regression,
    nearest_neighbour,
    pixels,
)
from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.sources.photos import chessboard

photos_module = sys.modules["alexnet_jax.data.sources.photos"]  # the package's name is the function


@pytest.mark.parametrize("size", [(40, 40), (60, 40), (41, 37), (30, 44), (7, 50)])
def test_fields_tile_the_picture_and_alternate(size: tuple[int, int]) -> None:
    """Every pixel lies in one field; neighbours have the other colour; both colours are there."""
    width, height = size
    numbers = np.arange(width * height, dtype=np.int32).reshape(height, width)
    fields = list(chessboard(Image.fromarray(numbers), 4))
    seen = np.concatenate([np.asarray(field).ravel() for _, field in fields])
    np.testing.assert_array_equal(np.sort(seen), numbers.ravel())
    columns = len(fields) // 4
    assert columns == max(2, round(width * 4 / height))
    white = np.array([is_white for is_white, _ in fields]).reshape(4, columns)
    assert np.all(white[1:] != white[:-1])
    assert np.all(white[:, 1:] != white[:, :-1])


def painted(size: tuple[int, int]) -> Image.Image:
    """White fields in 1 to 127, black ones in 128 to 255, each with its own shade."""
    picture = Image.new("RGB", size)
    fields = list(chessboard(picture, photos_module.ROWS))
    columns, at = len(fields) // photos_module.ROWS, 0
    for row in range(photos_module.ROWS):
        for column in range(columns):
            white, _ = fields[at]
            corner = (round(column * size[0] / columns), round(row * size[1] / 4))
            shade = (1 if white else 128) + at
            picture.paste((shade,) * 3, (*corner, *size))
            at += 1
    return picture


def test_no_pixel_serves_both_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every crop has the one shade of a field of its own colour: it never leaves its field, and
    enlarging (to a quarter here, 16 times sooner) reads nothing beyond it. Every field is used,
    equally often."""
    monkeypatch.setattr(photos_module, "STORED_SIZE", 64)
    monkeypatch.setattr(photos_module, "photographs", lambda: iter([painted((60, 80))] * 16))
    found = photos_module.photos()
    for split, low, high in ((found.train, 1, 127), (found.test, 128, 255)):
        shades = split.images.reshape(len(split), -1)
        assert np.all(shades == shades[:, :1])
        assert low <= shades.min() <= shades.max() <= high
        own = shades[split.labels == 0, 0]
        assert len(np.unique(own)) == 6  # of 3 columns in 4 rows
        assert np.ptp(np.unique(own, return_counts=True)[1]) <= 1


@pytest.fixture(scope="module")
def photos() -> Dataset:
    return data.load("photos")


def test_sizes_and_types(photos: Dataset) -> None:
    for split, count in ((photos.train, 3584), (photos.test, 448)):
        assert split.images.shape == (count, 256, 256, 3)
        np.testing.assert_array_equal(np.bincount(split.labels), np.full(16, count // 16))
    assert (photos.name, photos.stored_size, photos.channels) == ("photos", 256, 3)
    assert len(photos.class_names) == 16


def test_always_the_same_and_no_two_alike(photos: Dataset) -> None:
    """The same crops in small are made twice."""
    assert data.load("thumbnails").fingerprint() == data.load("thumbnails").fingerprint()
    rows = np.concatenate([photos.train.images, photos.test.images]).reshape(4032, -1)
    assert len({row.tobytes() for row in rows}) == 4032


def test_fields_as_classes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each white field is a class: its crops have its one shade, and no black one is there."""
    monkeypatch.setattr(photos_module, "photographs", lambda: iter([painted((60, 80))] * 16))
    found = data.load("thumbnails_fields")
    assert len(found.class_names) == len(set(found.class_names)) == 16 * 6
    for split, each in ((found.train, 48), (found.test, 6)):
        np.testing.assert_array_equal(np.bincount(split.labels), np.full(96, each))
        shades = split.images.reshape(len(split), -1)
        assert np.all(shades == shades[:, :1])
        assert shades.max() <= 127
        for start in range(0, 96, 6):
            of_one = [set(shades[split.labels == start + field, 0]) for field in range(6)]
            assert all(len(shade) == 1 for shade in of_one)
            assert len(set.union(*of_one)) == 6


def test_labels_name_their_photograph(photos: Dataset) -> None:
    """The galaxies are the darkest, the page the brightest, and the last seven are grey."""
    colours = {
        name: photos.train.images[photos.train.labels == label, ::4, ::4].mean((0, 1, 2))
        for label, name in enumerate(photos.class_names)
    }
    assert min(colours, key=lambda name: colours[name].sum()) == "hubble_deep_field"
    assert max(colours, key=lambda name: colours[name].sum()) == "page"
    grey = [name for name in photos.class_names if np.ptp(colours[name]) == 0]
    assert grey == ["brick", "coins", "grass", "gravel", "moon", "page", "text"]


def test_pixels_are_averaged() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 130, 130, 3), dtype=np.uint8)
    found = pixels(images)
    assert found.shape == (2, 43 * 43 * 3)
    np.testing.assert_allclose(found[1, 3:6], images[1, :3, 3:6].mean((0, 1)), rtol=1e-5)
    plain = images[:, :8, :8, :1]
    np.testing.assert_array_equal(pixels(plain), plain.reshape(2, -1))
    halves = plain.reshape(2, 4, 2, 4, 2).mean((2, 4)).reshape(2, -1)
    np.testing.assert_array_equal(pixels(plain, largest_side=4), halves)


def test_histograms_are_counted() -> None:
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, 0, 0] = (255, 0, 32)
    found = histograms(image)
    assert found.shape == (1, 512)
    want = np.zeros(512)
    want[0], want[7 + 64] = 3 / 4, 1 / 4
    np.testing.assert_allclose(found[0] ** 2, want, rtol=1e-6)


def test_nearest_neighbours_by_hand() -> None:
    """Two dark images and two bright ones; the test images' neighbours are plain to see, but one
    has a label of its own. The histogram of 190, in cells of 32, is as far from all, so that the
    first one counts."""
    shades = np.array([0, 10, 200, 210], np.uint8)
    train = Split(np.tile(shades[:, None, None, None], (1, 4, 4, 1)), np.int32([0, 0, 1, 1]))
    tested = np.array([12, 190, 205], np.uint8)
    test = Split(np.tile(tested[:, None, None, None], (1, 4, 4, 1)), np.int32([0, 1, 0]))
    dataset = Dataset("shades", train, test, ("dark", "bright"))
    assert nearest_neighbour(dataset) == pytest.approx(2 / 3)
    assert nearest_neighbour(dataset, histograms) == pytest.approx(1 / 3)


def test_features_of_many_images() -> None:
    """They are computed in blocks of 1,024: the only bright image, the 1,500th, is found."""
    images, labels = np.zeros((2000, 2, 2, 1), np.uint8), np.zeros(2000, np.int32)
    images[1500], labels[1500] = 200, 1
    test = Split(np.full((1, 2, 2, 1), 190, np.uint8), np.int32([1]))
    assert nearest_neighbour(Dataset("one", Split(images, labels), test, ("dark", "bright"))) == 1


def test_logistic_regression_by_hand() -> None:
    """Classes of 20 shades that a plane divides are all found; with one iteration too few are
    not told apart by much, and nothing warns of the small budget."""
    shades = np.arange(40, dtype=np.uint8) * 6
    images, labels = np.tile(shades[:, None, None, None], (1, 4, 4, 1)), np.int32(shades > 119)
    dataset = Dataset("shades", Split(images, labels), Split(images[::3], labels[::3]), ("a", "b"))
    found = logistic_regression(dataset)
    assert found.accuracy == 1
    assert 1 < found.iterations < 100
    assert logistic_regression(dataset, 1).iterations == 1


def test_thumbnails_are_the_photographs_crops_in_small(photos: Dataset) -> None:
    """Means of 64x64 blocks agree with those of 9x9 blocks to a few grey levels."""
    found = data.load("thumbnails")
    assert (found.stored_size, found.class_names) == (36, photos.class_names)
    np.testing.assert_array_equal(found.test.labels, photos.test.labels)
    small = found.test.images.reshape(448, 4, 9, 4, 9, 3).mean((2, 4))
    large = photos.test.images.reshape(448, 4, 64, 4, 64, 3).mean((2, 4))
    assert np.abs(small - large).mean() < 1
    assert np.abs(small - large[::-1]).mean() > 20
    config = runpy.run_path(str(EXPERIMENTS / "configs" / "thumbnails.py"))["CONFIG"]
    assert (config.data, config.image_size) == (found.name, 32)
