"""scikit-learn's handwritten digits, which come with the library."""

from __future__ import annotations

import numpy as np

from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.sources.scikit_learn import scikit_learn_file

STORED_SIZE = 32
TEST_IMAGES = 360
LOW = 7  # 0 to 6
_SEED = 2012


def digits() -> Dataset:
    """Load 1,797 digits of 43 writers as 32x32 grey images: 1,437 to train on, 360 to test on.

    The 8x8 images are enlarged bilinearly after their values, 0 to 16, become 0 to 255. The split
    is fixed and stratified: every class has its share in both parts.

    Source: UCI "Optical Recognition of Handwritten Digits" (test part), as in scikit-learn.
    """
    from PIL import Image

    file = scikit_learn_file("data/digits.csv.gz")
    table = np.loadtxt(file, delimiter=",", dtype=np.int32)  # 64 pixels and the label
    grey = np.round(table[:, :64].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (STORED_SIZE, STORED_SIZE)
    images = np.stack(
        [
            np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
            for image in grey
        ]
    )[..., None]
    labels = table[:, 64]
    train, test = _stratified_split(labels, TEST_IMAGES, _SEED)
    return Dataset(
        name="digits",
        train=Split(images[train], labels[train]),
        test=Split(images[test], labels[test]),
        class_names=tuple("0123456789"),
    )


def _stratified_split(labels: np.ndarray, test: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the rows of a training and of a test split in which every class has its share.

    For the digits it is the split of scikit-learn's `train_test_split` with `stratify=labels`.

    Args:
      labels: [N] integers from 0.
      test: rows of the test split.
      seed: seed of the draws.

    Returns:
      Rows to train on [N - test] and rows to test on [test], each in a random order.
    """
    random = np.random.RandomState(seed)  # NumPy promises that its stream does not change
    counts = _apportion(np.bincount(labels), len(labels) - test, random)
    rows = [random.permutation(np.flatnonzero(labels == label)) for label in range(len(counts))]
    parts = [np.split(of_class, [n]) for of_class, n in zip(rows, counts, strict=True)]
    train, rest = (np.concatenate(part) for part in zip(*parts, strict=True))
    return random.permutation(train), random.permutation(rest)


def _apportion(counts: np.ndarray, seats: int, random: np.random.RandomState) -> np.ndarray:
    """Share `seats` out in proportion to `counts` [K]: largest remainders first, ties drawn."""
    exact = counts / counts.sum() * seats
    shares = np.floor(exact).astype(int)
    for remainder in np.unique(exact - shares)[::-1]:
        missing = seats - shares.sum()
        if missing == 0:
            break
        tied = np.flatnonzero(exact - np.floor(exact) == remainder)
        shares[random.choice(tied, min(len(tied), missing), replace=False)] += 1
    return shares


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
