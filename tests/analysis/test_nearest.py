"""Nearest rows against all distances in float64; the linear probe."""

import importlib
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.reference import assert_close

from alexnet_jax import InputError
from alexnet_jax.analysis.nearest import linear_probe, nearest

nearest_module = importlib.import_module("alexnet_jax.analysis.nearest")


def all_distances(queries: np.ndarray, gallery: np.ndarray, distance: str) -> np.ndarray:
    """[Q, N], a pair at a time."""
    q, g = (np.asarray(rows, np.float64) for rows in (queries, gallery))
    if distance == "euclidean":
        return np.array([[np.linalg.norm(a - b) for b in g] for a in q])
    return np.array(
        [
            [
                1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) if a.any() and b.any() else 1
                for b in g
            ]
            for a in q
        ]
    )


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Features as ReLU leaves them, far from zero on the whole."""
    values = np.random.default_rng(seed).normal(1, 1, shape)
    return np.maximum(values, 0).astype(np.float32)


@pytest.fixture(params=["at once", "in blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at once, or a few rows and queries at a time."""
    if request.param == "in blocks":
        monkeypatch.setattr(nearest_module, "_BLOCK_BYTES", 8 * 7 * 11)
        monkeypatch.setattr(nearest_module, "QUERIES_PER_PASS", 4)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("count", [1, 5, 30])
def test_nearest_rows(distance: Any, count: int) -> None:
    queries, gallery = drawn(9, 7), drawn(30, 7, seed=1)
    gallery[[3, 20]], queries[8] = 0, 0
    want = all_distances(queries, gallery, distance)
    rows, found = nearest(queries, gallery, count, distance=distance)
    order = np.argsort(np.round(want, 12), axis=1, kind="stable")[:, :count]
    assert_close(found, np.take_along_axis(want, order, 1), 1e-12)
    np.testing.assert_array_equal(rows, order)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_equal_rows_come_in_their_order(distance: Any) -> None:
    """Copies, scattered over blocks, are at distance zero exactly, and the earliest come first."""
    gallery = 1000 + drawn(40, 7)
    copies = np.array([2, 3, 11, 25, 26, 39])
    gallery[copies] = gallery[2]
    rows, found = nearest(gallery[[25]], gallery, 4, distance=distance)
    assert rows.tolist() == [[2, 3, 11, 25]]
    assert found.tolist() == [[0.0] * 4]
    rows, _ = nearest(gallery[[25, 2]], gallery, 4, distance=distance, leave_out=np.array([25, 2]))
    assert rows.tolist() == [[2, 3, 11, 26], [3, 11, 25, 26]]
    among = np.array([0, 3, 25, 26, 30, 39])
    rows, _ = nearest(gallery[[2]], gallery, 4, distance=distance, among=among)
    assert rows.tolist() == [[3, 25, 26, 39]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, r"neighbours must lie in \[1, 5\], got 0"),
        ({"count": 6}, r"neighbours must lie in \[1, 5\], got 6"),
        ({"count": 5, "leave_out": np.zeros(2, int)}, r"lie in \[1, 4\], got 5"),
        ({"count": 4, "among": np.arange(3)}, r"lie in \[1, 3\], got 4"),
        ({"distance": "manhattan"}, "euclidean or cosine, got 'manhattan'"),
        ({"queries": np.zeros((2, 4))}, r"queries are \(2, 4\), the gallery is \(5, 3\)"),
        ({"gallery": np.full((5, 3), np.nan)}, "not finite"),
        ({"queries": np.full((2, 3), np.inf)}, "not finite"),
    ],
)
def test_what_cannot_be_compared(changes: dict[str, Any], message: str) -> None:
    arguments = {"queries": np.ones((2, 3)), "gallery": np.ones((5, 3)), "count": 1} | changes
    with pytest.raises(InputError, match=message):
        nearest(**arguments)


def test_a_mapped_gallery_is_never_all_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest_module, "_BLOCK_BYTES", 2**16)
    values = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (20_000, 64))
    values[:] = drawn(20_000, 64)
    told: list[int] = []
    tracemalloc.start()
    rows, _ = nearest(values[:3], values, 1, among=np.arange(1, 20_000), advance=told.append)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < values.nbytes / 4
    assert sum(told) == 19_999
    assert rows[1:].tolist() == [[1], [2]]


def test_probe_tells_classes_apart_by_a_line() -> None:
    """On the rows it is told to learn from, whatever the features' units; and not by chance."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300).astype(np.int32)
    values = generator.normal(size=(300, 8)).astype(np.float32)
    values[np.arange(300), labels] += 4
    values = values * 10.0 ** np.arange(-4, 4) + 100
    train, test = np.arange(200), np.arange(200, 300)
    right, ended = linear_probe(values, labels, train, test)
    assert right > 0.9
    assert ended
    shuffled = generator.permutation(labels)
    assert linear_probe(values, shuffled, train, test)[0] < 0.6
    assert not linear_probe(values, labels, train, test, iterations=1)[1]
    with pytest.raises(InputError, match="two classes"):
        linear_probe(values, np.zeros(300, np.int32), train, test)
