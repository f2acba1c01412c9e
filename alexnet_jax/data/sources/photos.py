"""Crops of sixteen photographs that come with scikit-image and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.sources.scikit_learn import scikit_learn_file

if TYPE_CHECKING:
    from PIL import Image

STORED_SIZE, THUMBNAIL_SIZE = 256, 36
ROWS = 4  # of the chessboard
TRAIN_CROPS, TEST_CROPS = 224, 28  # of each photograph
SMALLEST = 0.5  # smallest side of a crop, as a share of its field's short side
PHOTOGRAPHS = (
    "cat", "coffee", "flower", "hubble_deep_field", "immunohistochemistry", "motorcycle", "retina",
    "rocket", "temple",
    "brick", "coins", "grass", "gravel", "moon", "page", "text",
)  # fmt: skip


def photos() -> Dataset:
    """Load 256x256 colour crops of sixteen photographs; the class is the photograph.

    Every photograph is cut into a chessboard of four rows with nearly square fields. Training
    crops come from the white fields and test crops from the black ones, so that no pixel serves
    both. Crops are squares of half to all of a field's short side at random positions inside it,
    enlarged to 256 pixels, equally many from every field: 3,584 to train on and 448 to test on.
    They are the same in every call.

    Source: sample images of scikit-image (`skimage.data`) and scikit-learn (china.jpg and
    flower.jpg); the last seven are grey. Pictures whose parts have little in common are left out,
    because a part does not show which picture it belongs to: the astronaut's fields show a face, a
    flag, a suit and a model of the shuttle.
    """
    return _crops("photos", STORED_SIZE)


def thumbnails() -> Dataset:
    """Load the crops of `photos` as 36x36 images, for networks as narrow as the preset `small`."""
    return _crops("thumbnails", THUMBNAIL_SIZE)


def thumbnails_fields() -> Dataset:
    """Load 36x36 crops whose class is the field: each white field of a photograph is one class.

    These are other crops of the fields that `thumbnails` trains on, 48 of each to train on and 6
    to test on, and none of the fields that it tests on. The classes are finer and more numerous,
    for pretraining.
    """
    crops: list[np.ndarray] = []
    names: list[str] = []
    for label, picture in enumerate(photographs()):
        generator = np.random.Generator(np.random.Philox([2012, 1000 + label]))
        for number, (white, field) in enumerate(chessboard(picture, ROWS)):
            if white:
                names.append(f"{PHOTOGRAPHS[label]}_{number}")
                crops += [_crop(field, THUMBNAIL_SIZE, generator) for _ in range(54)]
    images = np.stack(crops).reshape(len(names), 54, *crops[0].shape)
    labels = np.arange(len(names), dtype=np.int32)
    train, test = (
        Split(part.reshape(-1, *crops[0].shape), np.repeat(labels, part.shape[1]))
        for part in (images[:, :48], images[:, 48:])
    )
    return Dataset("thumbnails_fields", train, test, tuple(names))


def _crops(name: str, size: int) -> Dataset:
    # [photographs, crops, size, size, 3], filled in place: at 256 pixels they take 0.8 GB.
    train, test = (
        np.empty((len(PHOTOGRAPHS), count, size, size, 3), np.uint8)
        for count in (TRAIN_CROPS, TEST_CROPS)
    )
    for label, picture in enumerate(photographs()):
        fields = list(chessboard(picture, ROWS))
        for white, crops in ((True, train), (False, test)):
            own = [field for is_white, field in fields if is_white == white]
            generator = np.random.Generator(np.random.Philox([2012, 2 * label + white]))
            for i in range(crops.shape[1]):
                crops[label, i] = _crop(own[i % len(own)], size, generator)
    return Dataset(name, train=_split(train), test=_split(test), class_names=PHOTOGRAPHS)


def photographs() -> Iterator[Image.Image]:
    """Yield the sixteen photographs in the order of `PHOTOGRAPHS`, in RGB."""
    from PIL import Image
    from skimage import data

    picture: Image.Image
    for name in PHOTOGRAPHS:
        match name:
            case "flower":
                picture = Image.open(scikit_learn_file("images/flower.jpg"))
            case "temple":
                picture = Image.open(scikit_learn_file("images/china.jpg"))
            case "motorcycle":
                picture = Image.fromarray(data.stereo_motorcycle()[0])
            case _:
                picture = Image.fromarray(getattr(data, name)())
        yield picture.convert("RGB")


def chessboard(picture: Image.Image, rows: int) -> Iterator[tuple[bool, Image.Image]]:
    """Cut a picture into `rows` rows of nearly square fields; yield (is white, field) of each."""
    width, height = picture.size
    columns = max(2, round(width * rows / height))
    for row in range(rows):
        for column in range(columns):
            left, right = (round((column + i) * width / columns) for i in (0, 1))
            top, bottom = (round((row + i) * height / rows) for i in (0, 1))
            yield (row + column) % 2 == 0, picture.crop((left, top, right, bottom))


def _crop(field: Image.Image, size: int, generator: np.random.Generator) -> np.ndarray:
    from PIL import Image

    side = min(field.size) * generator.uniform(SMALLEST, 1)
    left, top = (generator.uniform(0, length - side) for length in field.size)
    box = (left, top, left + side, top + side)
    return np.asarray(field.resize((size, size), Image.Resampling.BICUBIC, box))


def _split(crops: np.ndarray) -> Split:
    """Join the crops [photographs, crops, ...] of all photographs, with their labels."""
    labels = np.arange(len(PHOTOGRAPHS), dtype=np.int32)
    return Split(crops.reshape(-1, *crops.shape[2:]), np.repeat(labels, crops.shape[1]))
