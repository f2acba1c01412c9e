"""Batches of a training split in a seeded order that can be stopped and resumed."""

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
    """Rows of an array, read when indexed, so that a process reads only its own devices' rows."""

    def __init__(self, array: Images, rows: np.ndarray, memory: Recycled) -> None:
        self._array, self._rows, self._memory = array, rows, memory
        self.shape = (len(rows), *array.shape[1:])

    def __getitem__(self, positions: slice) -> np.ndarray:
        rows = self._rows[positions]
        array = self._array.whole() if isinstance(self._array, Mapped) else self._array
        if not isinstance(array, np.ndarray):
            return array[rows]
        images = self._memory.empty((len(rows), *self.shape[1:]))
        # mode="raise" would go through a second buffer; rows of a permutation are in range.
        return np.take(array, rows, 0, out=images, mode="clip")


class Batches:
    """Endless stream of batches; each epoch is a permutation drawn from (seed, epoch).

    The permutations follow one another without a gap, so that a batch may contain the end of one
    epoch and the start of the next: every example is seen once an epoch, and every batch is full.
    `Shuffle` draws the permutations: in full for a split of up to 4 GiB, in blocks for a larger
    one.
    """

    def __init__(self, split: Split, batch: int, seed: int) -> None:
        if not 1 <= batch <= len(split):
            raise InputError(
                f"batch must lie in [1, {len(split)}], the number of training images; got {batch}"
            )
        self._split, self._batch, self._seed = split, batch, seed
        self._shuffle = Shuffle.of(len(split), int(np.prod(split.images.shape[1:])))
        self._announced: tuple[int, int] | None = None
        self._memory = Recycled()
        self.set_state({"epoch": np.int32(0), "position": np.int32(0)})  # type: ignore[dict-item]

    def get_state(self) -> dict[str, np.ndarray]:
        """Return the start of the next batch: {"epoch", "position"}, int32."""
        return {"epoch": np.int32(self._epoch), "position": np.int32(self._position)}  # type: ignore[dict-item]

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Resume from a state of `get_state` of a stream with the same split, batch and seed."""
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._order = self._shuffle.permutation(self._seed, self._epoch)

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        """Return {"image": [B, S, S, C] uint8, "label": [B] int32, "index": [B] int32, 0 to B - 1}.

        Images are read when they are indexed.
        """
        return self.read(self.next_rows())

    def next_rows(self) -> np.ndarray:
        """Return the rows of the next batch, [B], and advance the stream."""
        self._announce()
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
        """Return the batch of `rows`, as from `next_rows`. Several threads may call this."""
        return {
            "image": Picked(self._split.images, rows, self._memory),
            "label": self._split.labels[rows],
            "index": np.arange(self._batch, dtype=np.int32),
        }

    def _announce(self) -> None:
        """On entering a window of blocks, announce that it and the next window will be read."""
        size = self._shuffle.block * self._shuffle.window
        window = (self._epoch, self._position // size)
        if self._split.will_read is None or self._announced == window:
            return
        self._announced = window
        start = window[1] * size
        self._split.will_read(self._shuffle.sweep(self._order[start : start + 2 * size]))
