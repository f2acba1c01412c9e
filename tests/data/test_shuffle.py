"""The order of an epoch: every row once, how random it is, and what is read of it."""

from collections.abc import Iterator

import numpy as np
import pytest

from alexnet_jax import InputError
from alexnet_jax.data import shuffle as shuffle_module
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.prefetch import Prefetch
from alexnet_jax.data.shuffle import Shuffle


def numbered(count: int) -> Split:
    """A split whose row i has the label i."""
    return Split(np.zeros((count, 2, 2, 1), np.uint8), np.arange(count, dtype=np.int32))


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits of 2x2 images are shuffled in blocks of 5, from 100 images on."""
    monkeypatch.setattr(shuffle_module, "FULLY_SHUFFLED", 4 * 99)
    monkeypatch.setattr(shuffle_module, "BLOCK_BYTES", 4 * 5)


SHUFFLES = [Shuffle(1000, 10, 4), Shuffle(997, 10, 4), Shuffle(7, 10, 4), Shuffle(1000, 1, 1000)]


@pytest.mark.parametrize("shuffle", SHUFFLES, ids=str)
def test_every_row_once_and_another_order_each_epoch(shuffle: Shuffle) -> None:
    seen = {tuple(shuffle.permutation(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(seen) == 4
    for rows in seen:
        np.testing.assert_array_equal(np.sort(rows), np.arange(shuffle.count))
    np.testing.assert_array_equal(shuffle.permutation(3, 2), shuffle.permutation(3, 2))


def test_size_alone_decides() -> None:
    small, large = Shuffle.of(20_000, 256 * 256 * 3), Shuffle.of(1_281_167, 256 * 256 * 3)
    assert (small.blocks, large.block, large.window) == (1, 341, 32)


def test_a_window_reads_few_blocks() -> None:
    """What makes it fit for a disk: 40 rows in a row of the order lie in 4 blocks of the file."""
    shuffle = Shuffle(1000, 10, 4)
    rows = shuffle.permutation(0, 0).reshape(-1, 40)
    for window in rows:
        assert len(shuffle.sweep(window)) == 4
        covered = np.concatenate([np.arange(*block) for block in shuffle.sweep(window)])
        np.testing.assert_array_equal(np.sort(window), covered)
        assert not np.array_equal(window, covered)


def test_how_random_it_is() -> None:
    """Places are even and independent of the file's order over the whole; two rows of a block meet
    in a batch as often as the docstring says, and far more often than in a full shuffle."""
    shuffle, batch, epochs = Shuffle(4000, 20, 10), 40, 50
    orders = np.stack([shuffle.permutation(0, epoch) for epoch in range(epochs)])
    places = np.argsort(orders, 1)  # of each row in each epoch
    deviation = 4000 / np.sqrt(12)
    # The mean place of a row over epochs spreads as that of independent even draws does.
    assert places.mean(0).std() == pytest.approx(deviation / np.sqrt(epochs), rel=0.1)
    assert places.std() == pytest.approx(deviation, rel=0.01)
    correlations = [np.corrcoef(np.arange(4000), place)[0, 1] for place in places]
    # 200 blocks move as wholes: the correlation with the file's order is that of 200 draws.
    assert np.std(correlations) == pytest.approx(1 / np.sqrt(200), rel=0.35)
    assert abs(np.mean(correlations)) < 4 / np.sqrt(200 * epochs)
    batches = places.reshape(epochs, 200, 20) // batch
    same_block = np.mean(batches[..., :1] == batches[..., 1:])
    far = np.mean(batches[:, :100] == batches[:, 100:])
    assert same_block == pytest.approx(batch / (20 * 10), rel=0.05)
    assert far == pytest.approx(9 / 199 * batch / (20 * 10), rel=0.2)


def drawn(stream: Iterator[dict[str, np.ndarray]], count: int) -> np.ndarray:
    """[count, B] labels of the next batches."""
    return np.stack([next(stream)["label"] for _ in range(count)])


def test_images_are_read_where_they_are_asked_for() -> None:
    """A process that indexes a half of a batch's images reads that half, and no more."""
    read: list[np.ndarray] = []

    class Images:
        shape, dtype = (30, 2, 2, 1), np.dtype(np.uint8)

        def __len__(self) -> int:
            return 30

        def __getitem__(self, rows: np.ndarray) -> np.ndarray:
            read.append(rows)
            return np.zeros((len(rows), 2, 2, 1), np.uint8)

    batch = next(Batches(Split(Images(), np.arange(30, dtype=np.int32)), 12, 0))
    assert batch["image"].shape == (12, 2, 2, 1)
    assert read == []
    assert batch["image"][6:12].shape == (6, 2, 2, 1)
    np.testing.assert_array_equal(read, batch["label"][None, 6:])


@pytest.mark.usefixtures("in_blocks")
@pytest.mark.parametrize("threads", [1, 3])
def test_reading_ahead_changes_nothing(threads: int) -> None:
    """Neither the batches nor where the stream can be taken up, at any step, there and back."""
    split = numbered(103)
    whole = drawn(Batches(split, 10, 5), 40)
    with Prefetch(Batches(split, 10, 5), threads=threads) as stream:
        states = []
        for step in range(25):
            states.append(stream.get_state())
            np.testing.assert_array_equal(next(stream)["label"], whole[step])
        for step in (24, 0, 11):
            stream.set_state(states[step])
            assert stream.get_state() == states[step]
            np.testing.assert_array_equal(drawn(stream, 15), whole[step : step + 15])
            plain = Batches(split, 10, 5)
            plain.set_state(states[step])
            np.testing.assert_array_equal(drawn(plain, 15), whole[step : step + 15])


def test_what_fails_in_a_thread_is_raised() -> None:
    def finish(batch: dict[str, np.ndarray]) -> None:
        raise InputError(f"cannot place {len(batch['label'])}")

    with (
        Prefetch(Batches(numbered(9), 4, 0), finish) as stream,
        pytest.raises(InputError, match="cannot place 4"),
    ):
        next(stream)


@pytest.mark.usefixtures("in_blocks")
def test_the_disk_is_asked_for_each_window_before_it_is_read() -> None:
    """And for no more than two windows of 32 blocks of 5 rows."""
    asked: list[set[int]] = []
    rows = np.arange(1000)

    def will_read(ranges: list[tuple[int, int]]) -> None:
        asked.append({row for start, stop in ranges for row in range(start, stop)})

    split = Split(np.zeros((1000, 2, 2, 1), np.uint8), rows.astype(np.int32), will_read)
    stream = Batches(split, 20, 0)
    for _ in range(100):
        label = next(stream)["label"]
        assert set(label.tolist()) <= set.union(*asked[-2:])
    assert len(asked) == 2 * 7
    assert max(map(len, asked)) <= 2 * 32 * 5
