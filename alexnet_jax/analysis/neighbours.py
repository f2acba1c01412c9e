"""Pictures and those nearest to them, out of a file of features: which are asked, and what is said.

By default as in figure 4 of the paper: test pictures, and the training pictures nearest to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.analysis.feature_file import FeatureFile
from alexnet_jax.analysis.figures import neighbour_sheet
from alexnet_jax.data import Collection, again
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def asked(found: FeatureFile, names: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose neighbours are looked for, and rows among which, ascending.

    The rows of the names or, without names, `count` test rows spread evenly; among the training
    rows. Where a file has not both splits, or a training row is named, all rows are searched.

    Raises:
      InputError: a name that is not in the file; a count out of range.
    """
    splits = np.array(found.rows.splits)
    test, train = (np.flatnonzero(splits == split) for split in ("test", "train"))
    everything = np.arange(len(splits))
    apart = len(test) > 0 and len(train) > 0
    pool, among = (test, train) if apart else (everything, everything)
    if not names:
        if not 1 <= count <= len(pool):
            raise InputError(f"--count must lie in [1, {len(pool)}], got {count}")
        return pool[np.linspace(0, len(pool) - 1, count).astype(int)], among
    places = {name: place for place, name in enumerate(found.rows.names)}
    unknown = [name for name in names if name not in places]
    if unknown:
        raise InputError(
            f"no picture is called {unknown[0]!r}; names are such as {found.rows.names[0]!r}"
        )
    queries = np.array([places[name] for name in names])
    return queries, everything if np.isin(queries, among).any() else among


def described(
    found: FeatureFile, queries: np.ndarray, rows: np.ndarray, distances: np.ndarray
) -> list[dict[str, Any]]:
    """{"name", "class", "neighbours": [{"name", "class", "distance"}, ...]} of each query.

    Args:
      queries: [Q] rows.
      rows, distances: [Q, k] of the neighbours.
    """

    def named(row: int) -> dict[str, Any]:
        name = found.rows.class_of(row, found.origin.class_names)
        return {"name": found.rows.names[row], "class": name or None}

    def beside(near: np.ndarray, far: np.ndarray) -> list[dict[str, Any]]:
        pairs = zip(near.tolist(), far.tolist(), strict=True)
        return [named(row) | {"distance": distance} for row, distance in pairs]

    return [
        named(query) | {"neighbours": beside(near, far)}
        for query, near, far in zip(queries.tolist(), rows, distances, strict=True)
    ]


def drawn(found: FeatureFile, entries: list[dict[str, Any]], title: str) -> Figure:
    """The entries of `described` as a sheet of pictures, read from where they were.

    Raises:
      InputError: pictures that are gone or damaged since.
    """
    collection = again(found.origin.pictures, found.origin.shape)
    places = {name: place for place, name in enumerate(collection.names)}
    rows = [[entry, *entry["neighbours"]] for entry in entries]
    pictures = [[_picture(collection, places, one["name"]) for one in row] for row in rows]
    captions = [[one["class"] or "" for one in row] for row in rows]
    return neighbour_sheet(pictures, captions, title)


def _picture(collection: Collection, places: dict[str, int], name: str) -> np.ndarray:
    if name not in places:
        raise InputError(f"picture {name} is no longer where it was ({collection.about})")
    (picture,) = collection.read(range(places[name], places[name] + 1))
    if isinstance(picture, InputError):
        raise picture
    return picture
