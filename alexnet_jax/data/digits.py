"""scikit-learn's handwritten digits, which come with the library."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split

STORED_SIZE = 32
TEST_IMAGES = 360


def digits() -> Dataset:
    """1,797 digits of 43 writers, 8x8, enlarged to 32x32 grey images: 1,437 to train, 360 to test.

    Values 0 to 16 become 0 to 255 and are enlarged bilinearly. The split is fixed and
    stratified: every class has its share of both.

    Source: UCI "Optical Recognition of Handwritten Digits" (test part), as in scikit-learn.
    """
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    grey = np.round(found.images * (255 / 16)).astype(np.uint8)
    size = (STORED_SIZE, STORED_SIZE)
    images = np.stack(
        [
            np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
            for image in grey
        ]
    )[..., None]
    labels = found.target.astype(np.int32)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=2012
    )
    return Dataset(
        name="digits",
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        class_names=tuple(str(name) for name in found.target_names),
    )
