"""The C library's allocator, told to keep what a program frees."""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # numbers of `mallopt` in glibc's malloc.h
_KEPT = 1 << 29  # bytes of free memory at the end of the heap that the process keeps


def keep_freed_memory() -> None:
    """Keep memory that is freed for later use in this process, up to 512 MB of it.

    By default glibc takes each block of more than 32 MB from the system and gives it back once it
    is free, and the system clears its pages anew every time: a compiled program whose temporary
    arrays take more spends a third of its time on that. All blocks then come from one heap.

    Call it before other threads start, which get heaps of 64 MB of their own. Other C libraries are
    left alone.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, 1)):
            mallopt(option, value)
