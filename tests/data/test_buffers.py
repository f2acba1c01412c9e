"""Memory that batches use again: never while anything still looks at it."""

import jax
import numpy as np
import pytest

from alexnet_jax.data.batches import Batches
from alexnet_jax.data.buffers import WORTHWHILE, Recycled
from alexnet_jax.data.dataset import Split
from alexnet_jax.data.prefetch import Prefetch
from alexnet_jax.data.statistics import Sums

SHAPE = (4, 1024, 256)


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_serves_again_once_it_is_let_go() -> None:
    memory = Recycled()
    first = memory.empty(SHAPE)
    place = address(first)
    assert (first.dtype, first.shape, place % 4096) == (np.uint8, SHAPE, 0)
    del first
    assert address(memory.empty(SHAPE)) == place


@pytest.mark.parametrize(
    "look",
    [
        lambda array: array,
        lambda array: array[1:],
        lambda array: array[1:].reshape(-1)[::2].view(np.int8),
        lambda array: memoryview(array[2]),
    ],
    ids=["itself", "rows", "a view of a view", "a buffer"],
)
def test_memory_is_kept_while_something_looks_at_it(look: object) -> None:
    memory = Recycled()
    first = memory.empty(SHAPE)
    first[:] = 7
    held, place = look(first), address(first)  # type: ignore[operator]
    del first
    others = [memory.empty(SHAPE) for _ in range(3)]
    assert place not in map(address, others)
    for other in others:
        other[:] = 9
    assert set(np.asarray(held).reshape(-1).tolist()) == {7}
    del held, others, other
    assert place in [address(array) for array in [memory.empty(SHAPE) for _ in range(4)]]


def test_a_device_array_keeps_its_values() -> None:
    """On a CPU it may be the very memory."""
    memory, held = Recycled(), []
    for value in range(4):
        array = memory.empty(SHAPE)
        array[:] = value
        held.append(jax.device_put(array))
        del array
    for value, found in enumerate(held):
        assert int(found.min()) == int(found.max()) == value


def test_small_arrays_are_left_to_the_allocator() -> None:
    assert Recycled().empty((WORTHWHILE - 1,)).flags.owndata
    assert not Recycled().empty((WORTHWHILE,)).flags.owndata


def test_batches_read_ahead_in_used_memory_are_the_split_s_rows() -> None:
    """Three epochs, a batch let go and the next one held, by two threads."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50, 128, 128, 3), np.uint8)
    split = Split(images, np.arange(50, dtype=np.int32))
    held = None
    with Prefetch(Batches(split, 24, 0)) as batches:
        for number in range(6):
            batch = next(batches)
            assert batch["image"].nbytes >= WORTHWHILE
            np.testing.assert_array_equal(batch["image"], images[batch["label"]])
            if held is not None:
                np.testing.assert_array_equal(held["image"], images[held["label"]])
            held = batch if number % 2 else None
    with Prefetch(Batches(split, 24, 0)) as batches:
        rows = np.concatenate([next(batches)["label"] for _ in range(25)])
    np.testing.assert_array_equal(np.bincount(rows), np.full(50, 12))


def test_sums_of_many_bright_images_do_not_overflow() -> None:
    """600 images at 255, more than 16 bits hold, read off in between."""
    sums = Sums((2, 2, 1))
    sums.add(np.full((300, 2, 2, 1), 255, np.uint8))
    assert sums.image.tolist() == [[[76_500]] * 2] * 2
    sums.add(np.full((257, 2, 2, 1), 255, np.uint8))
    sums.add(np.full((43, 2, 2, 1), 255, np.uint8))
    assert sums.image.tolist() == [[[153_000]] * 2] * 2
    assert sums.products.tolist() == [[600 * 4 * 255**2]]
    assert float(sums.statistics()[0].max()) == 255.0
