"""Data sets, what is measured of their pixels, and the order of their batches."""

import hashlib

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import assert_close
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from alexnet_jax import InputError, data
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.statistics import pixel_statistics

LABELS_SHA256 = "88212bc65bdeb1aef338d9a429d999f2a33eb1fa78fb85d3c3d414e5a9a5ad2f"
IMAGES_SHA256 = "92fb109cf417cd605584565be31bedaec33c61ef971c1ee6039b9cc6f9bb41be"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.load("digits")


def enlarged(grey: np.ndarray) -> np.ndarray:
    """[N, 8, 8] in 0..16 to [N, 32, 32] in 0..255 float64: linear between pixel centres, which
    lie at (i + 1/2) 4 - 1/2, and level beyond the outermost."""
    at = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(8)))
    return weights @ np.round(grey * (255 / 16)) @ weights.T


def test_digits_are_every_digit_once_with_its_label(digits: Dataset) -> None:
    """Each stored image is one of the 1,797 to a grey level (of rounding twice), no two the same
    one: so no digit stands in both splits."""
    source = load_digits()
    wanted = enlarged(source.images).reshape(1797, -1)
    images = np.concatenate([digits.train.images, digits.test.images]).reshape(1797, -1)
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    distances = np.sum(wanted**2, 1) - 2 * images.astype(np.float64) @ wanted.T
    nearest = np.argmin(distances, axis=1)
    np.testing.assert_array_equal(np.sort(nearest), np.arange(1797))
    assert np.max(np.abs(images - wanted[nearest])) <= 1.0
    np.testing.assert_array_equal(labels, source.target[nearest])


def test_digits_sizes_and_types(digits: Dataset) -> None:
    for split, count in ((digits.train, 1437), (digits.test, 360)):
        assert len(split) == count
        assert (split.images.shape, split.images.dtype) == ((count, 32, 32, 1), np.uint8)
        assert (split.labels.shape, split.labels.dtype) == ((count,), np.int32)
        assert set(split.labels.tolist()) == set(range(10))
        assert (split.images.min(), split.images.max()) == (0, 255)
    assert digits.class_names == tuple("0123456789")
    assert (digits.name, digits.stored_size, digits.channels) == ("digits", 32, 1)


def test_digits_are_stratified(digits: Dataset) -> None:
    """Every class has its share of the test split, to less than one image."""
    train, test = (np.bincount(split.labels) for split in (digits.train, digits.test))
    assert np.max(np.abs(test - (train + test) * 360 / 1797)) < 1
    assert len(set(digits.train.labels[:30].tolist())) > 5  # not sorted by class


def test_digits_are_fixed(digits: Dataset) -> None:
    """Another split or enlargement would make results incomparable."""
    splits = (digits.train, digits.test)
    labels, images = (
        hashlib.sha256(b"".join(getattr(split, name).tobytes() for split in splits)).hexdigest()
        for name in ("labels", "images")
    )
    assert labels == LABELS_SHA256
    assert images == IMAGES_SHA256
    assert data.load("digits").fingerprint() == digits.fingerprint()


def test_digits_are_split_as_scikit_learn_splits(digits: Dataset) -> None:
    """The rows that `train_test_split` draws, in its order; without importing it."""
    target = load_digits().target
    both = train_test_split(target, test_size=360, stratify=target, random_state=2012)
    for split, labels in zip((digits.train, digits.test), both, strict=True):
        np.testing.assert_array_equal(split.labels, labels)


def test_an_unknown_data_set_is_named() -> None:
    names = "digits, digits_0to6, digits_7to9, photos, thumbnails, thumbnails_fields"
    with pytest.raises(InputError, match=f"unknown data set 'mnist'; there are {names}, and"):
        data.load("mnist")


def numbered(count: int, side: int = 2) -> Split:
    """A split whose image i holds i everywhere and has the label i."""
    images = np.broadcast_to(np.arange(count)[:, None, None, None], (count, side, side, 1))
    return Split(images.astype(np.uint8), np.arange(count, dtype=np.int32))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3, 3, 1), np.float32), np.zeros(2, np.int32), r"uint8.*float32"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.int32), r"\[N, S, S, C\].*\(2, 3, 3\)"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(2, np.int64), r"int32.*int64"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(3, np.int32), r"int32 \[2\].*\(3,\)"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros((2, 1), np.int32), r"int32 \[2\].*\(2, 1\)"),
    ],
)
def test_a_split_checks_its_arrays(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Split(images, labels)


@pytest.mark.parametrize("label", [-1, 2])
@pytest.mark.parametrize("place", ["train", "test"])
def test_a_data_set_checks_its_labels(place: str, label: int) -> None:
    good = numbered(2)
    bad = Split(good.images, np.array([0, label], np.int32))
    splits = {"train": good, "test": good, place: bad}
    with pytest.raises(InputError, match=rf"odd: labels run .*{label}.* 2 classes"):
        Dataset(name="odd", class_names=("a", "b"), **splits)
    Dataset(name="even", class_names=("a", "b"), train=good, test=good)


@pytest.mark.parametrize("place", ["train", "test"])
@pytest.mark.parametrize("kind", ["images", "labels"])
def test_the_fingerprint_sees_every_value(place: str, kind: str) -> None:
    def fingerprint(change: int) -> str:
        splits = {"train": numbered(5), "test": numbered(4)}
        getattr(splits[place], kind).flat[-1] -= change
        return Dataset(name="n", class_names=tuple("abcde"), **splits).fingerprint()

    assert fingerprint(0) == fingerprint(0) != fingerprint(1)


@pytest.mark.parametrize(("count", "side"), [(1500, 3), (2048, 2), (7, 5)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pixel_statistics(count: int, side: int, seed: int) -> None:
    """Up to more images than are held as float64 at a time; colours that go together."""
    generator = np.random.default_rng([seed, count])
    base = generator.normal(0, 40, (count, side, side, 1)) * generator.normal(1, 1, 3)
    noisy = 120 + base + generator.normal(0, 10, (count, side, side, 3))
    split = Split(np.clip(noisy, 0, 255).astype(np.uint8), np.zeros(count, np.int32))
    mean, vectors, deviations = pixel_statistics(split)
    assert mean.dtype == vectors.dtype == deviations.dtype == np.float32
    pixels = split.images.astype(np.float64)
    assert_close(mean, pixels.mean(0), 1e-7)
    colours = pixels.reshape(-1, 3)
    covariance = np.cov(colours.T, bias=True)
    vectors, deviations = vectors.astype(np.float64), deviations.astype(np.float64)
    assert_close(vectors.T @ vectors, np.eye(3), 1e-6)
    assert_close(vectors * deviations**2 @ vectors.T, covariance, 1e-6)
    assert_close((colours @ vectors).std(0), deviations, 1e-6)
    assert deviations[0] > deviations[1] > deviations[2] > 0
    assert np.all(vectors[np.abs(vectors).argmax(0), np.arange(3)] > 0)


def test_pixel_statistics_of_grey_and_of_even_images() -> None:
    split = numbered(3)
    mean, vectors, deviations = pixel_statistics(split)
    np.testing.assert_array_equal(mean, np.ones((2, 2, 1)))
    np.testing.assert_array_equal(vectors, [[1]])
    assert_close(deviations, [np.sqrt(2 / 3)], 1e-7)
    even = Split(np.full((4, 2, 2, 3), 9, np.uint8), np.zeros(4, np.int32))
    np.testing.assert_array_equal(pixel_statistics(even)[2], np.zeros(3))


def drawn(batches: Batches, count: int) -> np.ndarray:
    """[count, B] labels of the next batches."""
    return np.stack([next(batches)["label"] for _ in range(count)])


@pytest.mark.parametrize(
    ("count", "batch"), [(10, 4), (10, 5), (10, 10), (10, 1), (7, 3), (7, 6), (1, 1)]
)
def test_every_example_once_an_epoch_in_whole_batches(count: int, batch: int) -> None:
    """Laid end to end, the batches are one permutation after another, seams within a batch
    included."""
    stream, seen = Batches(numbered(count), batch, seed=3), []
    for found in (next(stream) for _ in range(4 * count)):
        assert found["image"].shape == (batch, 2, 2, 1)
        images = found["image"][0:batch]
        assert (images.dtype, found["label"].dtype) == (np.uint8, np.int32)
        np.testing.assert_array_equal(images[:, 1, 1, 0], found["label"])
        np.testing.assert_array_equal(found["image"][batch // 2 : batch], images[batch // 2 :])
        np.testing.assert_array_equal(found["index"], np.arange(batch))
        assert found["index"].dtype == np.int32
        seen.append(found["label"])
    epochs = np.concatenate(seen).reshape(-1, count)
    np.testing.assert_array_equal(np.sort(epochs, 1), np.tile(np.arange(count), (4 * batch, 1)))


def test_the_order_is_the_seeds() -> None:
    """Other seeds, and other epochs of one seed, have other orders; the batch size has no say."""
    first, again, other = (drawn(Batches(numbered(50), 25, seed), 8) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    epochs = np.concatenate([first, other]).reshape(8, 50)
    assert len({epoch.tobytes() for epoch in epochs}) == 8
    narrow = drawn(Batches(numbered(50), 10, seed=5), 20)
    np.testing.assert_array_equal(narrow.reshape(-1), first.reshape(-1))
    assert np.any(np.diff(epochs[0]) < 0)


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (10, 5), (10, 10), (7, 6)])
def test_a_stream_is_taken_up_anywhere(count: int, batch: int) -> None:
    """From each of 12 states, seams among them, by a new stream and by one that ran elsewhere;
    the state goes through device arrays, as in a checkpoint."""
    stream = Batches(numbered(count), batch, seed=1)
    states = []
    whole = np.zeros((12, batch), np.int32)
    for step in range(12):
        states.append(stream.get_state())
        whole[step] = next(stream)["label"]
    assert all(value.dtype == np.int32 for state in states for value in state.values())
    assert len({tuple(map(int, state.values())) for state in states}) == 12
    used = Batches(numbered(count), batch, seed=1)
    for step, state in enumerate(states):
        placed = {name: jnp.asarray(value) for name, value in state.items()}
        for resumed in (Batches(numbered(count), batch, seed=1), used):
            resumed.set_state(placed)
            np.testing.assert_array_equal(drawn(resumed, 12 - step), whole[step:])


@pytest.mark.parametrize("batch", [0, -1, 6])
def test_a_batch_must_fit_the_data(batch: int) -> None:
    with pytest.raises(InputError, match=rf"batch must lie in \[1, 5\].*got {batch}"):
        Batches(numbered(5), batch, seed=0)


def test_a_data_set_of_the_libraries_is_made_once() -> None:
    """Whoever asks for it shares its arrays, and so cannot write to them."""
    digits = data.load("digits")
    assert data.load("digits") is digits
    for array in (digits.train.images, digits.train.labels, digits.test.images, digits.test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
