"""Top-k with ties, and the means over a whole split, against float64 NumPy."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.random_params import random_params
from helpers.reference import assert_close

from alexnet_jax import forward
from alexnet_jax.data.augment import Statistics
from alexnet_jax.data.dataset import Split
from alexnet_jax.inference.evaluate import evaluate, make_counter, make_logits
from alexnet_jax.inference.metrics import scores, top_k
from alexnet_jax.network import presets
from alexnet_jax.parallel.topologies import topology

SMALL = presets.architecture("small")
SCALE = 1 / 64
HERE = topology("one_device", SMALL)
RANKS = [3, 1, 5, 0, 7, 3, 0, 9, 2, 4, 6, 0]


def logits_and_labels(*shape: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of 11 classes, no two of an example equal, and labels."""
    generator = np.random.default_rng([seed, *shape])
    logits = generator.permuted(np.tile(np.arange(11.0, dtype=np.float32), (*shape, 1)), axis=-1)
    return logits / 4 - 1, generator.integers(0, 11, shape, dtype=np.int32)


def ranked(logits: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Whether the label stands among the first k of a descending sort; without ties."""
    order = np.argsort(-logits, axis=-1)[..., :k]
    return np.any(order == labels[..., None], axis=-1).astype(np.float64)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("k", [1, 3, 5, 10, 11])
def test_top_k_without_ties(k: int, dtype: Any) -> None:
    logits, labels = logits_and_labels(4, 50)
    got = top_k(jnp.asarray(logits, dtype), jnp.asarray(labels), k)
    assert got.dtype == jnp.float32
    np.testing.assert_array_equal(got, ranked(logits, labels, k))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_top_k_of_ties_is_the_share_of_orders(k: int) -> None:
    """Every vector of four values out of three and every label: the credit is the share of the
    24 orders of the classes in which a stable descending sort puts the label among the first k."""
    every = np.array(list(itertools.product([-1.0, 0.5, 2.0], repeat=4)))
    logits, labels = np.repeat(every, 4, axis=0), np.tile(np.arange(4), len(every))
    want = np.zeros(len(logits))
    for order in map(list, itertools.permutations(range(4))):
        ranks = np.argsort(np.argsort(-logits[:, order], axis=1, kind="stable"), axis=1)
        want += np.take_along_axis(ranks, np.argsort(order)[labels][:, None], 1)[:, 0] < k
    got = top_k(jnp.asarray(logits, jnp.float32), jnp.asarray(labels, jnp.int32), k)
    assert_close(got, want / 24, 1e-6)


@pytest.mark.parametrize("k", [1, 5, 10, 12])
def test_a_constant_output_scores_k_of_its_classes(k: int) -> None:
    got = top_k(jnp.full((10, 10), 0.7), jnp.arange(10), k)
    assert_close(got, np.full(10, min(k / 10, 1)), 1e-7)


def test_labels_tied_at_the_boundary() -> None:
    """Two above the label, three tied with it, itself included: of five places it has three
    thirds, of four two, of three one, of two none."""
    logits = jnp.array([[3.0, 1.0, 4.0, 1.0, 1.0, 0.0]] * 4)
    got = [top_k(logits, jnp.array([1, 3, 4, 5]), k) for k in (5, 4, 3, 2)]
    third = 1 / 3
    want = [[1, 1, 1, 0], [2 * third] * 3 + [0], [third] * 3 + [0], [0, 0, 0, 0]]
    assert_close(np.stack(got), want, 1e-7)


def test_logits_that_are_no_numbers() -> None:
    """A network that has diverged scores nothing; infinities rank like numbers."""
    nan, inf = np.nan, np.inf
    logits = jnp.array([[nan, nan, nan], [nan, 1.0, 2.0], [inf, 0.0, 1.0], [-inf, 0.0, inf]])
    labels = jnp.zeros(4, jnp.int32)
    for k, want in ((1, [0, 0, 1, 0]), (2, [0, 0, 1, 0]), (3, [0, 0, 1, 1]), (5, [0, 0, 1, 1])):
        np.testing.assert_array_equal(top_k(logits, labels, k), want)
    beside = jnp.array([[2.0, nan, 1.0]])  # of another class: above the label
    assert [float(top_k(beside, labels[:1], k)[0]) for k in (1, 2)] == [0, 1]


def test_scores_are_loss_top1_and_top5_of_every_example() -> None:
    logits, labels = logits_and_labels(3, 20)
    found = scores(jnp.asarray(logits), jnp.asarray(labels))
    assert set(found) == {"loss", "top1", "top5"}
    assert_close(found["loss"], reference.cross_entropy(logits, labels), 1e-6)
    np.testing.assert_array_equal(found["top1"], ranked(logits, labels, 1))
    np.testing.assert_array_equal(found["top5"], ranked(logits, labels, 5))


@cache
def problem() -> tuple[Any, Split, Statistics, np.ndarray]:
    """(params, 12 examples, statistics, their logits from views made here). The labels have
    the ranks of RANKS; the last example, which fills up batches, is a right one."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (12, 8, 8, 1), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    mean = generator.uniform(0, 255, (32, 32, 1)).astype(np.float32)
    statistics = Statistics(mean, np.eye(1, dtype=np.float32), np.ones(1, np.float32))
    params = random_params(SMALL)
    views = (images.astype(np.float64) - mean)[:, 2:30, 2:30] * SCALE
    logits = jax.jit(lambda p, x: forward(SMALL, p, x))(params, views.astype(np.float32))
    labels = np.argsort(-np.asarray(logits))[np.arange(12), RANKS].astype(np.int32)
    return params, Split(images, labels), statistics, np.asarray(logits)


@cache
def counter(dtype: str) -> Callable[..., Any]:
    network = make_logits(SMALL, HERE, pixel_scale=SCALE, dtype=dtype)
    return make_counter(network)


def counted(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Means over all examples in float64."""
    return {
        "loss": float(reference.cross_entropy(logits, labels).mean()),
        "top1": float(ranked(logits, labels, 1).mean()),
        "top5": float(ranked(logits, labels, 5).mean()),
    }


@pytest.mark.parametrize("batch", [4, 5, 12, 100])
def test_evaluate_counts_every_example_once(batch: int) -> None:
    """Batches that divide the split, that do not, that hold it and that are larger."""
    params, split, statistics, logits = problem()
    want = counted(logits, split.labels)
    assert (want["top1"], want["top5"]) == (3 / 12, 8 / 12)
    got = evaluate(
        counter("float32"),
        params,
        split,
        statistics,
        batch=batch,
        topology=HERE,
    )
    assert set(got) == set(want)
    assert all(type(value) is float for value in got.values())
    assert (got["top1"], got["top5"]) == pytest.approx((want["top1"], want["top5"]), abs=1e-7)
    assert got["loss"] == pytest.approx(want["loss"], rel=1e-5)


def test_the_counter_sums_only_what_weighs() -> None:
    params, split, statistics, logits = problem()
    weight = np.array([1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1], np.float32)
    batch = {"image": split.images, "label": split.labels, "weight": weight}
    sums = counter("float32")(params, batch, statistics)
    rows = weight > 0
    want = counted(logits[rows], split.labels[rows])
    for name, value in want.items():
        assert float(sums[name]) == pytest.approx(9 * value, rel=1e-5)
    broken = {**batch, "image": np.where(rows[:, None, None, None], split.images, 0)}
    again = counter("float32")(params, broken, statistics)
    for name in want:
        assert float(again[name]) == pytest.approx(float(sums[name]), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_network_computes_in_the_type_asked_for(dtype: str) -> None:
    params, split, statistics, _ = problem()
    logits = make_logits(SMALL, HERE, pixel_scale=SCALE, dtype=dtype)
    found = jax.eval_shape(logits, params, split.images, statistics)
    assert (found.shape, found.dtype) == ((12, 10), jnp.dtype(dtype))
    sums = jax.eval_shape(
        counter(dtype),
        params,
        {"image": split.images, "label": split.labels, "weight": np.ones(12, np.float32)},
        statistics,
    )
    assert {(value.shape, str(value.dtype)) for value in sums.values()} == {((), "float32")}


def test_an_empty_split_cannot_be_evaluated() -> None:
    params, split, statistics, _ = problem()
    empty = Split(split.images[:0], split.labels[:0])
    with pytest.raises(ValueError, match="empty split"):
        evaluate(
            counter("float32"),
            params,
            empty,
            statistics,
            batch=4,
            topology=HERE,
        )
