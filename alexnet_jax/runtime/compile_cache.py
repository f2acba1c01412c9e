"""Cache of compiled programs on disk, and release of the memory that compiling leaves."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import warnings
from typing import TextIO

from alexnet_jax.runtime.cache_directory import cache_directory

_FAULT = r"Error (?:reading|writing) persistent compilation cache entry for '.*?': (.*)"


def enable_compile_cache() -> None:
    """Turn on jax's cache of compiled programs for this process; scripts call it at their start.

    The cache lies in `cache_directory()`. A cache directory that is set already, for example by
    JAX_COMPILATION_CACHE_DIR, stays; JAX_ENABLE_COMPILATION_CACHE=0 turns the cache off. If the
    directory cannot be created or written, nothing is cached. Faults of the cache, which jax warns
    of at every program, are told once.
    """
    import jax

    _tell_faults_once()
    if jax.config.jax_compilation_cache_dir is not None:
        return
    directory = cache_directory()
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            jax.config.update("jax_compilation_cache_dir", str(directory))
            # Small programs, too: reading one takes a third of the time of compiling it.
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _tell_faults_once() -> None:
    before = warnings.showwarning
    if getattr(before, "__module__", None) == __name__:
        return
    told = False

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        nonlocal told
        fault = re.match(_FAULT, str(message))
        if fault is None:
            before(message, category, filename, lineno, file, line)
        elif not told:
            told = True
            print(
                "note: the cache of compiled programs, set by ALEXNET_JAX_CACHE or "
                f"JAX_COMPILATION_CACHE_DIR, cannot be used ({fault[1]}); compiling without it",
                file=sys.stderr,
            )

    warnings.showwarning = show


def release_free_memory() -> None:
    """Release the C library's free memory to the system; call it after compiling.

    Compiling the paper's training step leaves about 0.5 GB that is not used again. Only glibc has
    the call; other C libraries are left alone.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
