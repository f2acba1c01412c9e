"""SHA-256 of arrays that may lie in parts on many devices and in many processes."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alexnet_jax.runtime import largest, whole

_SIZE = 32  # bytes of a SHA-256
_UNITS_AT_A_TIME = 256
_TILE = 64  # 256 bytes of float32


def tree_digests(tree: Any) -> dict[str, str]:
    """A digest of each leaf's bytes, by path; random keys by their data.

    The SHA-256 of the SHA-256s of the leaf's slices along its last axis, so that each process
    hashes what its devices hold, however the last axis is split, and no leaf is gathered.
    """
    paths = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree.leaves_with_path(tree)
    ]
    held = [_units(_plain(leaf)) for leaf in jax.tree.leaves(tree)]
    if not held:
        return {}
    units = largest(np.concatenate(held))
    ends = np.cumsum([len(leaf) for leaf in held])[:-1]
    return {
        path: hashlib.sha256(leaf.tobytes()).hexdigest()
        for path, leaf in zip(paths, np.split(units, ends), strict=True)
    }


def params_sha256(params: Any) -> str:
    """SHA-256 over the leaves' bytes, in path order; one leaf at a time is gathered."""
    digest = hashlib.sha256()
    for _, leaf in jax.tree.leaves_with_path(params):
        digest.update(np.ascontiguousarray(whole(leaf)))
    return digest.hexdigest()


def file_digest(path: Path, kind: str = "sha256") -> str:
    """The digest of a file's bytes, "sha256" or "sha1", in hexadecimal."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
    return digest.hexdigest()


def _plain(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf


def _units(leaf: Any) -> np.ndarray:
    """[units, 32] uint8: SHA-256 of each slice along the last axis; zero where not held here."""
    if not isinstance(leaf, jax.Array):
        return _hashed(np.atleast_1d(leaf))
    if leaf.ndim == 0:
        return _hashed(np.asarray(leaf.addressable_data(0))[None])
    digests = np.zeros((leaf.shape[-1], _SIZE), np.uint8)
    parts = {}
    for shard in leaf.addressable_shards:
        first = shard.index[-1]
        if shard.data.shape[:-1] != leaf.shape[:-1]:
            raise ValueError("only the last axis of an array may be split")
        parts[first.indices(leaf.shape[-1])[:2]] = shard.data
    for (start, stop), part in parts.items():
        digests[start:stop] = _hashed(np.asarray(part))
    return digests


def _hashed(array: np.ndarray) -> np.ndarray:
    digests, flat = [], array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
    for start in range(0, flat.shape[1], _UNITS_AT_A_TIME):
        units = contiguous(flat[:, start : start + _UNITS_AT_A_TIME].T, 1)
        digests += [hashlib.sha256(unit).digest() for unit in units]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _SIZE)


def contiguous(view: np.ndarray, axis: int) -> np.ndarray:
    """A contiguous copy of an array whose axes were moved, 64 places of one axis at a time.

    The axis should be the one along which neighbours lie far apart in the view's memory and side
    by side in the copy's. Large matrices are then turned several times as fast as by
    `np.ascontiguousarray`, which goes through all of the view's memory once for every few values.
    """
    made, before = np.empty(view.shape, view.dtype), (slice(None),) * (axis % view.ndim)
    for start in range(0, view.shape[axis], _TILE):
        part = (*before, slice(start, start + _TILE))
        made[part] = view[part]
    return made
