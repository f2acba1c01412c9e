"""Batches read ahead of the training step that takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from alexnet_jax.data.batches import Batch, Batches


def read_images(batch: Batch) -> dict[str, np.ndarray]:
    """Return a batch with its images read into memory."""
    return {name: value[:] for name, value in batch.items()}


class Prefetch:
    """Iterator over a stream's batches, read ahead by threads and returned in order.

    Args:
      batches: the stream; nothing else may advance it from now on.
      finish: function, called in a thread, that reads a batch as arrays or onto its devices.
      ahead: number of batches that are read, or being read, before they are needed.
      threads: number of threads that read.

    Use as a context manager, or `close` it.
    """

    def __init__(
        self,
        batches: Batches,
        finish: Callable[[Batch], Any] = read_images,
        *,
        ahead: int = 3,
        threads: int = 2,
    ) -> None:
        self._batches, self._finish, self._ahead = batches, finish, ahead
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="read")
        self._pending: deque[tuple[Future[Any], dict[str, np.ndarray]]] = deque()
        self._state = batches.get_state()

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and drop what was read ahead."""
        self._pool.shutdown(cancel_futures=True)
        self._pending.clear()

    def get_state(self) -> dict[str, np.ndarray]:
        """Return the stream's state after the last batch returned, not after those read ahead."""
        return self._state

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Resume from a state of `get_state`."""
        for future, _ in self._pending:
            future.cancel()
        self._pending.clear()
        self._batches.set_state(state)
        self._state = self._batches.get_state()

    def __iter__(self) -> Prefetch:
        return self

    def __next__(self) -> Any:
        while len(self._pending) <= self._ahead:
            rows = self._batches.next_rows()
            self._pending.append((self._pool.submit(self._read, rows), self._batches.get_state()))
        future, self._state = self._pending.popleft()
        return future.result()

    def _read(self, rows: np.ndarray) -> Any:
        return self._finish(self._batches.read(rows))
