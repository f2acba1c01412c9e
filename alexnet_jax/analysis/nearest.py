"""Which rows are nearest to others, in bounded memory; and what a linear rule makes of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from alexnet_jax.errors import InputError

Distance = Literal["euclidean", "cosine"]
_BLOCK_BYTES = 2**26  # of rows in float64
AT_A_TIME = 256  # queries
# By how much products of matrices may be off, in units of the squared lengths that they are of.
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
    """The `count` rows of a gallery that are nearest to each query, nearest first.

        euclidean: |q - g|        cosine: 1 - q.g / (|q| |g|), 1 where either is zero

    Candidates come from products of matrices in float64, a block of the gallery at a time; their
    distances are then taken from differences, which rounding does not blur, so that equal rows
    are equally far. Of rows equally far the one that stands earlier comes first.

    Args:
      queries: [Q, F] floating.
      gallery: [N, F] floating; it may lie on a disk, mapped, and is read once for 256 queries.
      count: k, in [1, N], or N - 1 where rows are left out; of the rows `among`, if given.
      among: rows of the gallery to look at, ascending; by default all.
      leave_out: [Q] a row of the gallery that each query may not find: itself.
      advance: told of rows as `AT_A_TIME` queries have been compared with them.

    Returns:
      rows [Q, k] int64 and distances [Q, k] float64.

    Raises:
      InputError: k out of range, an unknown distance, widths that differ, values not finite.
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
    found = np.empty((len(queries), count))
    for start in range(0, len(queries), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        own = None if leave_out is None else leave_out[part]
        rows[part], found[part] = _pass(
            queries[part], gallery, count, distance, among, own, advance
        )
    return rows, (np.sqrt(found) if distance == "euclidean" else found)


def _pass(
    queries: np.ndarray,
    gallery: np.ndarray,
    count: int,
    distance: Distance,
    among: np.ndarray,
    leave_out: np.ndarray | None,
    advance: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest`, with squared distances where they are Euclidean."""
    asked = _prepared(queries, distance)
    best = [(np.empty(0, np.int64), np.empty(0))] * len(asked)
    size = max(1, _BLOCK_BYTES // (8 * gallery.shape[1]))
    for start in range(0, len(among), size):
        numbers = among[start : start + size]
        # A run of rows is a view of what lies on the disk.
        run = numbers[-1] - numbers[0] + 1 == len(numbers)
        rows = slice(numbers[0], numbers[-1] + 1) if run else numbers
        block = _prepared(gallery[rows], distance)
        ours, theirs = (np.square(rows).sum(1) for rows in (asked, block))
        # Of rows of length 1 the squared distance is 2 (1 - q.g), and so it shall be of zeros.
        constant = 2.0 if distance == "cosine" else ours[:, None] + theirs[None]
        blurred = constant - 2 * (asked @ block.T)
        slack = _ROUNDING * (ours + theirs.max())
        if leave_out is not None:
            blurred[leave_out[:, None] == numbers[None]] = np.inf
        for query, row in enumerate(blurred):
            near = _candidates(row, count, slack[query])
            exact = _exact(asked[query], block[near], distance)
            best[query] = _first(best[query], (numbers[near], exact), count)
        advance(len(block))
    return np.stack([rows for rows, _ in best]), np.stack([found for _, found in best])


def _prepared(values: np.ndarray, distance: Distance) -> np.ndarray:
    """In float64, and of length 1 for the cosine, zeros as they are."""
    rows = np.asarray(values, np.float64)
    if not np.isfinite(rows).all():
        raise InputError("features hold values that are not finite")
    if distance == "euclidean":
        return rows
    lengths = np.sqrt(np.square(rows).sum(1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1)


def _candidates(blurred: np.ndarray, count: int, slack: float) -> np.ndarray:
    """Rows of a block that may be among the nearest, ascending: more than asked where it is tight.

    Args:
      blurred: [rows] squared distances, each at most `slack` off; infinite for what is left out.
    """
    there = np.isfinite(blurred)
    if there.sum() <= count:
        return np.flatnonzero(there)
    limit = np.partition(blurred, count - 1)[count - 1]
    return np.flatnonzero(blurred <= limit + 2 * slack)


def _exact(query: np.ndarray, rows: np.ndarray, distance: Distance) -> np.ndarray:
    squared = np.square(rows - query).sum(1)
    if distance == "euclidean":
        return squared
    zero = ~rows.any(1) | ~query.any()
    return np.where(zero, 1.0, squared / 2)


def _first(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of both, of which the rows of `one` stand earlier."""
    rows, found = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.argsort(found, kind="stable")[:count]
    return rows[order], found[order]


def linear_probe(
    values: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    inverse_penalty: float = 1.0,
    iterations: int = 1000,
) -> tuple[float, bool]:
    """How well a linear classifier tells classes from features.

    scikit-learn's logistic regression, on features shifted and scaled to mean 0 and variance 1 on
    the rows that it learns from; those are in memory, about three times over.

    Args:
      values: [N, F] floating.
      labels: [N] int32.
      train, test: rows to learn from and to judge by.
      inverse_penalty: scikit-learn's C.
      iterations: at most, of its solver.

    Returns:
      The share of `test` that it gets right, and whether its solver came to an end.

    Raises:
      InputError: fewer than two classes to learn.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels[train])) < 2:
        raise InputError("a probe needs pictures of two classes or more to learn from")
    rule = make_pipeline(
        StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=iterations)
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        rule.fit(np.asarray(values[train]), labels[train])
    for other in said:
        if not issubclass(other.category, ConvergenceWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    right = rule.predict(np.asarray(values[test])) == labels[test]
    ended = not any(issubclass(other.category, ConvergenceWarning) for other in said)
    return float(np.mean(right)), ended
