"""Memory for batches that is reused, because the system is slow to provide new pages."""

from __future__ import annotations

import math
import mmap
import weakref

import numpy as np

WORTHWHILE = 2**20  # bytes; the allocator itself keeps smaller arrays for reuse


class Recycled:
    """Allocator of uint8 arrays that reuses memory once nothing refers to it any more.

    Allocating 50 MB takes as long as copying 50 MB: the system clears the pages one by one, and
    takes them back when the array is freed. Here an array's pages become free for reuse when the
    array and all views of it are gone. JAX's arrays count as views: on a CPU they may share the
    memory. The memory kept is the most that was in use at the same time. Several threads may
    allocate.
    """

    def __init__(self) -> None:
        self._free: dict[int, list[mmap.mmap]] = {}

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return an uninitialized array; from 1 MiB on, its memory is reused and page-aligned."""
        count = math.prod(shape)
        if count < WORTHWHILE:
            return np.empty(shape, np.uint8)
        free = self._free.setdefault(count, [])
        try:
            memory = free.pop()
        except IndexError:
            memory = mmap.mmap(-1, count)
            if hasattr(mmap, "MADV_HUGEPAGE"):
                memory.madvise(mmap.MADV_HUGEPAGE)
        # Every view refers to this array, which owns no memory itself, so it is freed last.
        whole = np.frombuffer(memory, np.uint8, count)
        weakref.finalize(whole, free.append, memory).atexit = False
        return whole.reshape(shape)
