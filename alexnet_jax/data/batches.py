"""Batches of a training split in a seeded order that can be left and taken up again."""

from __future__ import annotations

from typing import Any

import numpy as np

from alexnet_jax.data.buffers import Recycled
from alexnet_jax.data.dataset import Images, Split
from alexnet_jax.data.mapped import Mapped
from alexnet_jax.data.shuffle import Shuffle
from alexnet_jax.errors import InputError

Batch = dict[str, Any]


class Picked:
    """Rows of an array, read when indexed: each process reads those of its own devices."""

    def __init__(self, array: Images, rows: np.ndarray, memory: Recycled) -> None:
        self._array, self._rows, self._memory = array, rows, memory
        self.shape = (len(rows), *array.shape[1:])

    def __getitem__(self, places: slice) -> np.ndarray:
        rows = self._rows[places]
        array = self._array.whole() if isinstance(self._array, Mapped) else self._array
        if not isinstance(array, np.ndarray):
            return array[rows]
        images = self._memory.empty((len(rows), *self.shape[1:]))
        # Rows of a permutation need no check, which would read by way of a second buffer.
        return np.take(array, rows, 0, out=images, mode="clip")


class Batches:
    """An endless stream of batches, each epoch a permutation drawn from (seed, epoch).

    The permutations follow one another without a gap, so a batch may hold the end of one epoch
    and the start of the next: every example is seen once an epoch, and every batch is whole. How
    they are drawn is `Shuffle`: in full for a split of up to 4 GiB, in blocks for a larger one.
    """

    def __init__(self, split: Split, batch: int, seed: int) -> None:
        if not 1 <= batch <= len(split):
            raise InputError(
                f"batch must lie in [1, {len(split)}], the number of training images; got {batch}"
            )
        self._split, self._batch, self._seed = split, batch, seed
        self._shuffle = Shuffle.of(len(split), int(np.prod(split.images.shape[1:])))
        self._asked: tuple[int, int] | None = None
        self._memory = Recycled()
        self.set_state({"epoch": np.int32(0), "position": np.int32(0)})  # type: ignore[dict-item]

    def get_state(self) -> dict[str, np.ndarray]:
        """Where the next batch starts: {"epoch", "position"}, int32."""
        return {"epoch": np.int32(self._epoch), "position": np.int32(self._position)}  # type: ignore[dict-item]

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Goes on from a state of `get_state` of a stream with the same split, batch and seed."""
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._order = self._shuffle.permutation(self._seed, self._epoch)

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        """{"image": [B, S, S, C] uint8, "label": [B] int32, "index": [B] int32, 0 to B - 1}.

        Images are read when they are indexed.
        """
        return self.read(self.next_rows())

    def next_rows(self) -> np.ndarray:
        """[B] rows of the next batch, and on to the one after."""
        self._ask_ahead()
        rows = self._order[self._position : self._position + self._batch]
        self._position += len(rows)
        if self._position == len(self._order):
            self._epoch, self._position = self._epoch + 1, 0
            self._order = self._shuffle.permutation(self._seed, self._epoch)
            missing = self._batch - len(rows)
            rows = np.concatenate([rows, self._order[:missing]])
            self._position = missing
        return rows

    def read(self, rows: np.ndarray) -> Batch:
        """The batch of the rows of `next_rows`. Several threads may read."""
        return {
            "image": Picked(self._split.images, rows, self._memory),
            "label": self._split.labels[rows],
            "index": np.arange(self._batch, dtype=np.int32),
        }

    def _ask_ahead(self) -> None:
        """On entering a window of blocks: asks for what it holds and for the window after it."""
        size = self._shuffle.block * self._shuffle.window
        window = (self._epoch, self._position // size)
        if self._split.will_read is None or self._asked == window:
            return
        self._asked = window
        start = window[1] * size
        self._split.will_read(self._shuffle.sweep(self._order[start : start + 2 * size]))
