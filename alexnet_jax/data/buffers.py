"""Memory for batches that is used again, since the system takes its time to hand out new pages."""

from __future__ import annotations

import math
import mmap
import weakref

import numpy as np

WORTHWHILE = 2**20  # bytes; less than this the allocator keeps by itself


class Recycled:
    """uint8 arrays whose memory serves again once nothing refers to it any more.

    A fresh array of 50 MB costs as much time as copying 50 MB into it: the system clears its
    pages one by one, and takes them away when the array goes. Here an array's pages come back when
    the array and all views of it are gone, JAX's included, which on a CPU may be the array itself.
    As much is held as was in use at the same time. Several threads may ask.
    """

    def __init__(self) -> None:
        self._free: dict[int, list[mmap.mmap]] = {}

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of this shape whose values are whatever was there, aligned to a page."""
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
        # Views of an array keep the array that owns no memory of its own, so this one ends last.
        whole = np.frombuffer(memory, np.uint8, count)
        weakref.finalize(whole, free.append, memory).atexit = False
        return whole.reshape(shape)
