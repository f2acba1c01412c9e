"""Devices, memory, the cache of compiled programs, and the rate of a disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from alexnet_jax.runtime import cache_directory, cpu_name, free_bytes

_IMAGE = 256 * 256 * 3  # bytes of a packed image
_IMAGES = 1024  # images of the file that is read: 201 MB


def describe_machine() -> dict[str, str]:
    """Return, as texts by title, the devices, memory and the cache of compiled programs."""
    return {"processor": cpu_name(), "devices": _devices(), "memory": _memory(), "cache": _cache()}


def _devices() -> str:
    found = jax.devices()
    if found[0].platform == "cpu":
        return f"no accelerator; JAX sees the CPU as {len(found)}"
    limit = (found[0].memory_stats() or {}).get("bytes_limit")
    of_memory = "" if limit is None else f", {limit / 1e9:.0f} GB each"
    return f"{len(found)} x {found[0].device_kind} ({found[0].platform}){of_memory}"


def _memory() -> str:
    free = free_bytes()
    return "unknown" if free is None else f"{free / 1e9:.1f} GB free"


def _cache() -> str:
    directory = Path(jax.config.jax_compilation_cache_dir or cache_directory())
    if not directory.is_dir():
        return f"{directory}, not there yet"
    files = [entry.stat().st_size for entry in directory.rglob("*") if entry.is_file()]
    writable = "" if os.access(directory, os.W_OK) else ", not writable"
    return f"{directory}, {len(files):,} files, {sum(files) / 1e9:.2f} GB{writable}"


def disk_rate(directory: Path, images: int = _IMAGES) -> str:
    """Measure how fast packed images are read from a disk in random order, as a text.

    A temporary file of `images` images of 196,608 bytes is written and its pages are dropped from
    the system's cache, where the system allows it; then half of the images are read.

    Raises:
      OSError: the directory cannot be written.
    """
    needed, free = images * _IMAGE, shutil.disk_usage(directory).free
    if free < 2 * needed:
        return f"{directory}: not measured, {free / 1e9:.1f} GB are free"
    order = np.random.default_rng(0).permutation(images)[: images // 2]
    with tempfile.TemporaryFile(dir=directory) as file:
        block = np.random.default_rng(0).integers(0, 256, _IMAGE, np.uint8).tobytes()
        for _ in range(images):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        cold = hasattr(os, "posix_fadvise")
        if cold:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        for index in order:
            file.seek(int(index) * _IMAGE)
            file.read(_IMAGE)
        seconds = time.perf_counter() - began
    where = "" if cold else ", from the system's cache"
    return (
        f"{directory}: {len(order) / seconds:,.0f} packed images/s in random order, "
        f"{len(order) * _IMAGE / seconds / 1e9:.2f} GB/s{where}; {free / 1e9:,.0f} GB free"
    )
