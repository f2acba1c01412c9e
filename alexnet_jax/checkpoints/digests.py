"""SHA-256 of arrays that may be split over many devices and processes, and of files."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alexnet_jax.runtime import cores, elementwise_max, gather_to_host

_SIZE = 32  # bytes of a SHA-256
_SLICES_AT_A_TIME = 256
_TILE = 64  # 256 bytes of float32


def tree_digests(tree: Any) -> dict[str, str]:
    """Compute a digest of each leaf's bytes, by path; of random keys, their data is hashed.

    A digest is the SHA-256 of the SHA-256s of the leaf's slices along its last axis. Each process
    thus hashes its own devices' shards, however the last axis is split, and no leaf is gathered.
    """
    paths = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree.leaves_with_path(tree)
    ]
    digests = [_slice_digests(_without_keys(leaf)) for leaf in jax.tree.leaves(tree)]
    if not digests:
        return {}
    # Digests of slices in other processes are zero here, so the maximum combines them.
    combined = elementwise_max(np.concatenate(digests))
    ends = np.cumsum([len(leaf) for leaf in digests])[:-1]
    return {
        path: hashlib.sha256(leaf.tobytes()).hexdigest()
        for path, leaf in zip(paths, np.split(combined, ends), strict=True)
    }


def params_sha256(params: Any) -> str:
    """Compute the SHA-256 of the leaves' bytes, in path order, gathering one leaf at a time."""
    digest = hashlib.sha256()
    for _, leaf in jax.tree.leaves_with_path(params):
        digest.update(np.ascontiguousarray(gather_to_host(leaf)))
    return digest.hexdigest()


def file_digest(path: Path, kind: str = "sha256") -> str:
    """Compute the digest of a file, `kind` "sha256" or "sha1", in hexadecimal."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
    return digest.hexdigest()


def _without_keys(leaf: Any) -> Any:
    """Return a leaf, or the data of one that is a random key."""
    if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf


def _slice_digests(leaf: Any) -> np.ndarray:
    """Return [slices, 32] uint8: the SHA-256 of each slice along the last axis.

    Rows of slices that are on no device of this process are zero.
    """
    if not isinstance(leaf, jax.Array):
        return _hash_slices(np.atleast_1d(leaf))
    if leaf.ndim == 0:
        return _hash_slices(np.asarray(leaf.addressable_data(0))[None])
    digests = np.zeros((leaf.shape[-1], _SIZE), np.uint8)
    parts = {}
    for shard in leaf.addressable_shards:
        first = shard.index[-1]
        if shard.data.shape[:-1] != leaf.shape[:-1]:
            raise ValueError("only the last axis of an array may be split")
        parts[first.indices(leaf.shape[-1])[:2]] = shard.data
    for (start, stop), part in parts.items():
        digests[start:stop] = _hash_slices(np.asarray(part))
    return digests


def _hash_slices(array: np.ndarray) -> np.ndarray:
    """Return the SHA-256 of each slice along the last axis of an array in memory, [slices, 32].

    Threads copy and hash 256 slices at a time, one thread for each core.
    """
    flat = array.reshape(math.prod(array.shape[:-1]), array.shape[-1])

    def hash_from(start: int) -> bytes:
        slices = contiguous_copy(flat[:, start : start + _SLICES_AT_A_TIME].T, 1)
        return b"".join(hashlib.sha256(part).digest() for part in slices)

    with ThreadPoolExecutor(cores(), thread_name_prefix="hash") as pool:
        digests = pool.map(hash_from, range(0, flat.shape[1], _SLICES_AT_A_TIME))
        return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _SIZE)


def contiguous_copy(view: np.ndarray, axis: int) -> np.ndarray:
    """Copy a view whose axes were moved to contiguous memory, in tiles of 64 positions of one axis.

    Choose the axis along which neighbours are far apart in the view's memory and adjacent in the
    copy's. Large matrices are then transposed several times as fast as by `np.ascontiguousarray`,
    which passes over all of the view's memory once for every few values.
    """
    copy, before = np.empty(view.shape, view.dtype), (slice(None),) * (axis % view.ndim)
    for start in range(0, view.shape[axis], _TILE):
        part = (*before, slice(start, start + _TILE))
        copy[part] = view[part]
    return copy
