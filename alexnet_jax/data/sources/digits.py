"""scikit-learn's handwritten digits, which come with the library."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split

STORED_SIZE = 32
TEST_IMAGES = 360
LOW = 7  # 0 to 6


def digits() -> Dataset:
    """Load 1,797 digits of 43 writers as 32x32 grey images: 1,437 to train on, 360 to test on.

    The 8x8 images are enlarged bilinearly after their values, 0 to 16, become 0 to 255. The split
    is fixed and stratified: every class has its share in both parts.

    Source: UCI "Optical Recognition of Handwritten Digits" (test part), as in scikit-learn.
    """
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    source = load_digits()
    grey = np.round(source.images * (255 / 16)).astype(np.uint8)
    size = (STORED_SIZE, STORED_SIZE)
    images = np.stack(
        [
            np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
            for image in grey
        ]
    )[..., None]
    labels = source.target.astype(np.int32)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=2012
    )
    return Dataset(
        name="digits",
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        class_names=tuple(str(name) for name in source.target_names),
    )


def low_digits() -> Dataset:
    """Load the classes 0 to 6 of `digits`."""
    return _between("digits_0to6", 0, LOW)


def high_digits() -> Dataset:
    """Load the classes 7 to 9 of `digits`: new ones for a network trained on `low_digits`."""
    return _between("digits_7to9", LOW, 10)


def _between(name: str, first: int, end: int) -> Dataset:
    whole = digits()

    def split(part: Split) -> Split:
        rows = np.flatnonzero((part.labels >= first) & (part.labels < end))
        return Split(part.images[rows], part.labels[rows] - np.int32(first))

    return Dataset(name, split(whole.train), split(whole.test), whole.class_names[first:end])
