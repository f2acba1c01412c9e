"""Exact search for nearest rows in bounded memory, and a linear probe of features."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from alexnet_jax.errors import InputError

Distance = Literal["euclidean", "cosine"]
_BLOCK_BYTES = 2**26  # of a block of the gallery in float64
QUERIES_PER_PASS = 256  # queries compared in one pass over the gallery
# Bound on the error of matrix products, relative to the squared lengths of their rows.
_ROUNDING = 1e-12


def nearest(
    queries: np.ndarray,
    gallery: np.ndarray,
    count: int,
    *,
    distance: Distance = "euclidean",
    among: np.ndarray | None = None,
    leave_out: np.ndarray | None = None,
    advance: Callable[[int], None] = lambda rows: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the `count` rows of a gallery that are nearest to each query, nearest first.

        euclidean: |q - g|        cosine: 1 - q.g / (|q| |g|), 1 where either is zero

    Candidates come from products of matrices in float64, a block of the gallery at a time. Their
    distances are then computed from differences, which rounding affects less, so that equal rows
    are equally distant. Of equally distant rows the earlier one comes first.

    Args:
      queries: [Q, F] floating.
      gallery: [N, F] floating; it may be memory-mapped, and is read once for every 256 queries.
      count: k, from 1 to the number of rows searched, or to one less with `leave_out`.
      distance: "euclidean" or "cosine".
      among: rows of the gallery to search, ascending; by default all.
      leave_out: [Q], for each query a row of the gallery that is skipped: the query itself.
      advance: called with the number of rows that a pass of up to `QUERIES_PER_PASS` queries was
        compared with.

    Returns:
      rows [Q, k] int64 and distances [Q, k] float64.

    Raises:
      InputError: k out of range; an unknown distance; different widths; values that are not finite.
    """
    if among is None:
        among = np.arange(len(gallery))
    most = len(among) - (leave_out is not None)
    if not 1 <= count <= most:
        raise InputError(f"neighbours must lie in [1, {most}], got {count}")
    if distance not in get_args(Distance):
        raise InputError(f"distance must be {' or '.join(get_args(Distance))}, got {distance!r}")
    if queries.shape[1:] != gallery.shape[1:]:
        raise InputError(f"queries are {queries.shape}, the gallery is {gallery.shape}")
    rows = np.empty((len(queries), count), np.int64)
    distances = np.empty((len(queries), count))
    for start in range(0, len(queries), QUERIES_PER_PASS):
        part = slice(start, start + QUERIES_PER_PASS)
        own = None if leave_out is None else leave_out[part]
        rows[part], distances[part] = _search(
            queries[part], gallery, count, distance, among, own, advance
        )
    return rows, (np.sqrt(distances) if distance == "euclidean" else distances)


def _search(
    queries: np.ndarray,
    gallery: np.ndarray,
    count: int,
    distance: Distance,
    among: np.ndarray,
    leave_out: np.ndarray | None,
    advance: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Search the gallery once, as `nearest` does; Euclidean distances are returned squared."""
    prepared = _prepared(queries, distance)
    best = [(np.empty(0, np.int64), np.empty(0))] * len(prepared)
    size = max(1, _BLOCK_BYTES // (8 * gallery.shape[1]))
    for start in range(0, len(among), size):
        numbers = among[start : start + size]
        # Consecutive rows are sliced, which makes no copy of a memory-mapped gallery.
        consecutive = numbers[-1] - numbers[0] + 1 == len(numbers)
        rows = slice(numbers[0], numbers[-1] + 1) if consecutive else numbers
        block = _prepared(gallery[rows], distance)
        query_squares, block_squares = np.square(prepared).sum(1), np.square(block).sum(1)
        # The squared distance of rows of length 1 is 2 (1 - q.g); rows of zeros are to have 2, too.
        cosine = distance == "cosine"
        constant = 2.0 if cosine else query_squares[:, None] + block_squares[None]
        approximate = constant - 2 * (prepared @ block.T)
        slack = _ROUNDING * (query_squares + block_squares.max())
        if leave_out is not None:
            approximate[leave_out[:, None] == numbers[None]] = np.inf
        for query, row in enumerate(approximate):
            near = _candidates(row, count, slack[query])
            exact = _exact(prepared[query], block[near], distance)
            best[query] = _merge(best[query], (numbers[near], exact), count)
        advance(len(block))
    return np.stack([rows for rows, _ in best]), np.stack([distances for _, distances in best])


def _prepared(values: np.ndarray, distance: Distance) -> np.ndarray:
    """Return rows in float64, scaled to length 1 for the cosine; rows of zeros stay as they are."""
    rows = np.asarray(values, np.float64)
    if not np.isfinite(rows).all():
        raise InputError("features hold values that are not finite")
    if distance == "euclidean":
        return rows
    lengths = np.sqrt(np.square(rows).sum(1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1)


def _candidates(approximate: np.ndarray, count: int, slack: float) -> np.ndarray:
    """Return rows of a block that may be among the `count` nearest, ascending.

    There are more than `count` where distances differ by less than their error.

    Args:
      approximate: [rows] squared distances with errors up to `slack`; infinite for skipped rows.
    """
    eligible = np.isfinite(approximate)
    if eligible.sum() <= count:
        return np.flatnonzero(eligible)
    limit = np.partition(approximate, count - 1)[count - 1]
    return np.flatnonzero(approximate <= limit + 2 * slack)


def _exact(query: np.ndarray, rows: np.ndarray, distance: Distance) -> np.ndarray:
    """Return distances of rows from a query by differences; Euclidean ones squared."""
    squared = np.square(rows - query).sum(1)
    if distance == "euclidean":
        return squared
    zero = ~rows.any(1) | ~query.any()
    return np.where(zero, 1.0, squared / 2)


def _merge(
    earlier: tuple[np.ndarray, np.ndarray], later: tuple[np.ndarray, np.ndarray], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `count` nearest (rows, distances) of both; of equal distances, `earlier` first."""
    rows, distances = (np.concatenate(pair) for pair in zip(earlier, later, strict=True))
    order = np.argsort(distances, kind="stable")[:count]
    return rows[order], distances[order]


def linear_probe(
    values: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    inverse_penalty: float = 1.0,
    iterations: int = 1000,
) -> tuple[float, bool]:
    """Measure how well a linear classifier recognizes classes from features.

    The classifier is scikit-learn's logistic regression. Features are shifted and scaled to mean 0
    and variance 1 over the training rows, of which about three copies are in memory.

    Args:
      values: [N, F] floating.
      labels: [N] int32.
      train, test: rows to train on and rows to test on.
      inverse_penalty: scikit-learn's C.
      iterations: largest number of iterations of the solver.

    Returns:
      The fraction of `test` that is classified correctly, and whether the solver converged.

    Raises:
      InputError: fewer than two classes in the training rows.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels[train])) < 2:
        raise InputError("a probe needs pictures of two classes or more to learn from")
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=iterations)
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        classifier.fit(np.asarray(values[train]), labels[train])
    for one in caught:
        if not issubclass(one.category, ConvergenceWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    correct = classifier.predict(np.asarray(values[test])) == labels[test]
    converged = not any(issubclass(one.category, ConvergenceWarning) for one in caught)
    return float(np.mean(correct)), converged
