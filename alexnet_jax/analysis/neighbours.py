"""Nearest neighbours of pictures in a file of features: their choice, description and drawing.

The default follows figure 4 of the paper: the training pictures nearest to some test pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.analysis.feature_file import FeatureFile
from alexnet_jax.analysis.figures import neighbour_sheet
from alexnet_jax.data import Collection, from_description
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def choose_queries(
    features: FeatureFile, names: Sequence[str], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the rows of the queries and the rows to search, the latter ascending.

    The queries are the pictures called `names` or, without names, `count` test pictures at equal
    intervals; their neighbours are searched among the training pictures. If the file does not have
    both splits, queries and neighbours are chosen among all pictures. If a training picture is
    named, neighbours are searched among all pictures.

    Raises:
      InputError: a name that is not in the file; a count out of range.
    """
    splits = np.array(features.rows.splits)
    test, train = (np.flatnonzero(splits == split) for split in ("test", "train"))
    everything = np.arange(len(splits))
    both_splits = len(test) > 0 and len(train) > 0
    pool, among = (test, train) if both_splits else (everything, everything)
    if not names:
        if not 1 <= count <= len(pool):
            raise InputError(f"--count must lie in [1, {len(pool)}], got {count}")
        return pool[np.linspace(0, len(pool) - 1, count).astype(int)], among
    rows = {name: row for row, name in enumerate(features.rows.names)}
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise InputError(
            f"no picture is called {unknown[0]!r}; names are such as {features.rows.names[0]!r}"
        )
    queries = np.array([rows[name] for name in names])
    return queries, everything if np.isin(queries, among).any() else among


def describe_neighbours(
    features: FeatureFile, queries: np.ndarray, rows: np.ndarray, distances: np.ndarray
) -> list[dict[str, Any]]:
    """Describe each query and its neighbours as a dictionary for JSON.

    Args:
      queries: [Q], rows of the queries.
      rows, distances: [Q, k], rows of the neighbours and their distances.

    Returns:
      {"name", "class", "neighbours": [{"name", "class", "distance"}, ...]} of each query.
    """

    def picture(row: int) -> dict[str, Any]:
        name = features.rows.class_of(row, features.origin.class_names)
        return {"name": features.rows.names[row], "class": name or None}

    def neighbours(rows: np.ndarray, distances: np.ndarray) -> list[dict[str, Any]]:
        pairs = zip(rows.tolist(), distances.tolist(), strict=True)
        return [picture(row) | {"distance": distance} for row, distance in pairs]

    return [
        picture(query) | {"neighbours": neighbours(*pair)}
        for query, *pair in zip(queries.tolist(), rows, distances, strict=True)
    ]


def draw_neighbours(features: FeatureFile, entries: list[dict[str, Any]], title: str) -> Figure:
    """Draw the entries of `describe_neighbours`; pictures are read from their original location.

    Raises:
      InputError: a picture that has since been removed or damaged.
    """
    collection = from_description(features.origin.pictures, features.origin.shape)
    numbers = {name: number for number, name in enumerate(collection.names)}
    rows = [[entry, *entry["neighbours"]] for entry in entries]
    pictures = [[_picture(collection, numbers, one["name"]) for one in row] for row in rows]
    captions = [[one["class"] or "" for one in row] for row in rows]
    return neighbour_sheet(pictures, captions, title)


def _picture(collection: Collection, numbers: dict[str, int], name: str) -> np.ndarray:
    if name not in numbers:
        raise InputError(f"picture {name} is no longer where it was ({collection.about})")
    (picture,) = collection.read(range(numbers[name], numbers[name] + 1))
    if isinstance(picture, InputError):
        raise picture
    return picture
