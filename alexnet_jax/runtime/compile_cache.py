"""What compiling costs: programs are kept on disk for the next start, memory is given back."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path


def keep_compiled() -> None:
    """Turns on jax's cache of compiled programs for this process, for scripts.

    In `$XDG_CACHE_HOME/alexnet_jax` or `~/.cache/alexnet_jax`. A cache that is set already, as by
    JAX_COMPILATION_CACHE_DIR, stays; JAX_ENABLE_COMPILATION_CACHE=0 turns it off. Where the
    directory cannot be made or written to, nothing is kept.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None:
        return
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(base) / "alexnet_jax"
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            jax.config.update("jax_compilation_cache_dir", str(directory))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def give_back_memory() -> None:
    """Has the C library give what it holds free back to the system, for scripts.

    Compiling the paper's training step leaves about 0.5 GB that nothing asks for again. glibc can;
    other libraries are left alone.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
