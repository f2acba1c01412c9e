"""Batches of a training split in a seeded order that can be left and taken up again."""

from __future__ import annotations

from typing import Any

import numpy as np

from alexnet_jax.data.dataset import Split
from alexnet_jax.errors import InputError


class Picked:
    """Rows of an array, read when indexed: each process reads those of its own devices."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array, self._rows = array, rows
        self.shape = (len(rows), *array.shape[1:])

    def __getitem__(self, places: slice) -> np.ndarray:
        return self._array[self._rows[places]]


class Batches:
    """An endless stream of batches, each epoch a permutation drawn from (seed, epoch).

    The permutations follow one another without a gap, so a batch may hold the end of one epoch
    and the start of the next: every example is seen once an epoch, and every batch is whole.
    """

    def __init__(self, split: Split, batch: int, seed: int) -> None:
        if not 1 <= batch <= len(split):
            raise InputError(
                f"batch must lie in [1, {len(split)}], the number of training images; got {batch}"
            )
        self._split, self._batch, self._seed = split, batch, seed
        self._epoch, self._position = 0, 0
        self._order = self._permutation(0)

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.Generator(np.random.Philox([self._seed, epoch])).permutation(
            len(self._split)
        )

    def get_state(self) -> dict[str, np.ndarray]:
        """Where the next batch starts: {"epoch", "position"}, int32."""
        return {"epoch": np.int32(self._epoch), "position": np.int32(self._position)}  # type: ignore[dict-item]

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Goes on from a state of `get_state` of a stream with the same split, batch and seed."""
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._order = self._permutation(self._epoch)

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> dict[str, Any]:
        """{"image": [B, S, S, C] uint8, "label": [B] int32, "index": [B] int32, 0 to B - 1}.

        Images are read when they are indexed.
        """
        rows = self._order[self._position : self._position + self._batch]
        self._position += len(rows)
        if self._position == len(self._order):
            self._epoch, self._position = self._epoch + 1, 0
            self._order = self._permutation(self._epoch)
            missing = self._batch - len(rows)
            rows = np.concatenate([rows, self._order[:missing]])
            self._position = missing
        return {
            "image": Picked(self._split.images, rows),
            "label": self._split.labels[rows],
            "index": np.arange(self._batch, dtype=np.int32),
        }
