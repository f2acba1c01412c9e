"""Order in which an epoch visits a split: shuffled fully, or in blocks that suit a disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A split of up to this size is shuffled fully: it fits into the memory of any machine that trains.
FULLY_SHUFFLED = 2**32  # bytes
BLOCK_BYTES = 2**26  # a disk takes far longer to read this much than to seek to it
WINDOW = 32  # blocks that are mixed at a time: 2 GiB


@dataclass(frozen=True)
class Shuffle:
    """Shuffle of blocks of `block` rows, then of the rows in a window of blocks.

    The split is cut into blocks of neighbouring rows. An epoch visits the blocks in a random
    order, takes `window` of them at a time, and visits the rows of these in a random order. If the
    whole split is one block, this is a full shuffle.

    Randomness: up to rounding, every row is equally likely at every position, and every epoch
    differs; but rows of one block always lie within `window` blocks of each other. Of two rows of
    one block, the second is in the first one's batch of B with probability about
    B / (block window), compared with B / N in a full shuffle; for ImageNet at 256x256 (341 rows a
    block, 32 blocks) this is 256 / 10,912 = 2.3 %, compared with 0.02 %. Preparation writes
    pictures in a random order, so the rows of a block are themselves a random sample that share
    nothing but their position.
    """

    count: int
    block: int
    window: int = WINDOW

    @classmethod
    def of(cls, count: int, row_bytes: int) -> Shuffle:
        """Return the shuffle for a split's size alone, so that it is the same on every machine."""
        if count * row_bytes <= FULLY_SHUFFLED:
            return cls(count, max(1, count))
        return cls(count, max(1, BLOCK_BYTES // row_bytes))

    @property
    def blocks(self) -> int:
        return -(-self.count // self.block)

    def permutation(self, seed: int, epoch: int) -> np.ndarray:
        """Return every row once, in an order that depends on (seed, epoch): [count] int64."""
        generator = np.random.Generator(np.random.Philox([seed, epoch]))
        if self.blocks <= 1:
            return generator.permutation(self.count)
        order, windows = generator.permutation(self.blocks), []
        for start in range(0, self.blocks, self.window):
            rows = [np.arange(*self.rows(block)) for block in order[start : start + self.window]]
            windows.append(generator.permutation(np.concatenate(rows)))
        return np.concatenate(windows)

    def sweep(self, rows: np.ndarray) -> list[tuple[int, int]]:
        """Return the row ranges, [start, stop), of the blocks that contain `rows`, ascending."""
        return [self.rows(block) for block in np.unique(rows // self.block).tolist()]

    def rows(self, block: int) -> tuple[int, int]:
        """Return the row range, [start, stop), of a block."""
        return block * self.block, min((block + 1) * self.block, self.count)
