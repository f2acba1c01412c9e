"""Data sets by name, their statistics, and batches in a seeded order."""

from __future__ import annotations

from collections.abc import Callable

from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.digits import digits
from alexnet_jax.data.photos import photos
from alexnet_jax.errors import InputError

_SOURCES: dict[str, Callable[[], Dataset]] = {"digits": digits, "photos": photos}


def list_datasets() -> tuple[str, ...]:
    """Names that `load` takes."""
    return tuple(_SOURCES)


def load(name: str) -> Dataset:
    """A data set by name. InputError for an unknown name."""
    if name not in _SOURCES:
        raise InputError(f"unknown data set {name!r}; there are {', '.join(_SOURCES)}")
    return _SOURCES[name]()


__all__ = ["Dataset", "Split", "list_datasets", "load"]
