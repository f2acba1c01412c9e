"""Data sets by name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_jax.data.dataset import Dataset
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.sources.digits import digits, high_digits, low_digits
from alexnet_jax.data.sources.photos import photos, thumbnails, thumbnails_fields
from alexnet_jax.errors import InputError, choices

_SOURCES: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "digits_0to6": low_digits,
    "digits_7to9": high_digits,
    "photos": photos,
    "thumbnails": thumbnails,
    "thumbnails_fields": thumbnails_fields,
}


@functools.cache
def _bundled(name: str) -> Dataset:
    """Create a data set that comes with a library, once in a process; its arrays are read-only."""
    dataset = _SOURCES[name]()
    for split in (dataset.train, dataset.test):
        for array in (split.images, split.labels):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    return dataset


def load(name: str, data_dir: str = "") -> Dataset:
    """Load a data set by name: one that comes with the libraries, or one prepared in a directory.

    Raises:
      InputError: the name is unknown, or the prepared data set cannot be used.
    """
    if name in _SOURCES:
        return _bundled(name)
    if not data_dir:
        raise InputError(
            f"unknown data set {name!r}; {choices(name, _SOURCES)}, and with --data-dir "
            "what alexnet-jax prepare or experiments/prepare.py has put there"
        )
    return load_prepared(name, Path(data_dir))
