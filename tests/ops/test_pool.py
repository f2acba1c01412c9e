"""Max pooling: overlapping windows, ties, NaN; forward and backward."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close
from helpers.vjp import value_and_vjp
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from alexnet_jax import ops
from alexnet_jax.ops import pool_overhang

# height, width, size, stride
GEOMETRIES = [
    (5, 5, 3, 2),
    (6, 8, 3, 2),  # the floor drops a row and a column
    (3, 3, 3, 2),  # one window
    (4, 6, 2, 2),  # no overlap
    (5, 7, 3, 1),  # nine windows over one place
    (7, 8, 2, 3),  # gaps between windows
    (6, 5, 5, 1),
    (3, 4, 1, 2),
]
every_geometry = pytest.mark.parametrize(("height", "width", "size", "stride"), GEOMETRIES)


def distinct(*shape: int, seed: int = 0) -> np.ndarray:
    """Every number once: no ties."""
    size = int(np.prod(shape))
    return np.random.default_rng(seed).permutation(size).reshape(shape) - size / 2


def tied(*shape: int, seed: int = 0) -> np.ndarray:
    """-1, 0 and 1 only: ties in nearly every window, exact in every dtype."""
    return np.random.default_rng(seed).integers(-1, 2, shape).astype(np.float64)


def literal(x: jax.Array, size: int, stride: int) -> jax.Array:
    """The largest of every window gathered by its indices, for JAX to differentiate."""
    rows, columns = (
        stride * np.arange(reference.output_size(n, size, stride))[:, None] + np.arange(size)
        for n in x.shape[1:3]
    )
    return jnp.max(x[:, rows[:, None, :, None], columns[None, :, None, :]], axis=(3, 4))


def native(x: jax.Array, size: int, stride: int) -> jax.Array:
    """JAX's own pooling, whose gradient picks one maximum."""
    shape, strides = (1, size, size, 1), (1, stride, stride, 1)
    return lax.reduce_window(x, np.array(-np.inf, x.dtype), lax.max, shape, strides, "VALID")


def pool(x: jax.Array, size: int = 3, stride: int = 2) -> jax.Array:
    return ops.max_pool(x, size=size, stride=stride)


@every_geometry
def test_ties_match_the_reference(height, width, size, stride) -> None:
    geometry = {"size": size, "stride": stride}
    with jax.enable_x64(True):
        x = jnp.asarray(tied(2, height, width, 3))
        y, dy, (dx,) = value_and_vjp(partial(pool, **geometry), x)
    np.testing.assert_array_equal(y, reference.max_pool(x, **geometry))
    assert_close(dx, *reference.max_pool_vjp(x, dy, **geometry), TOLERANCE["float64"][1])


@every_geometry
def test_matches_automatic_differentiation_without_ties(height, width, size, stride) -> None:
    """And the reference; without ties all rules agree."""
    geometry = {"size": size, "stride": stride}
    with jax.enable_x64(True):
        x = jnp.asarray(distinct(2, height, width, 3))
        y, dy, (dx,) = value_and_vjp(partial(pool, **geometry), x)
        others = [value_and_vjp(partial(plain, **geometry), x) for plain in (literal, native)]
    wants = [(value, slope) for value, _, (slope,) in others]
    wants.append((reference.max_pool(x, **geometry), *reference.max_pool_vjp(x, dy, **geometry)))
    for value, slope in wants:
        np.testing.assert_array_equal(y, value)
        assert_close(dx, slope, TOLERANCE["float64"][1])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_ties_are_exact_in_every_dtype(dtype: str) -> None:
    """Small integers in, small integers out: no rounding hides a wrong rule."""
    x, dy = jnp.asarray(tied(2, 7, 6, 3), dtype), jnp.asarray(tied(2, 3, 2, 3, seed=1), dtype)
    y, pull = jax.vjp(jax.jit(pool), x)
    (dx,) = pull(dy)
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_array_equal(reference.float64(y), reference.max_pool(x))
    np.testing.assert_array_equal(reference.float64(dx), reference.max_pool_vjp(x, dy)[0])


def test_ties_by_hand() -> None:
    """Two windows share the middle column; each gives its gradient in full to all its maxima."""
    x = jnp.array([[1.0, 5.0, 5.0], [5.0, 5.0, 2.0]]).reshape(2, 3, 1)
    y, pull = jax.vjp(lambda x: pool(x, 2, 1), x)
    np.testing.assert_array_equal(y.reshape(2), [5.0, 5.0])
    (dx,) = pull(jnp.array([1.0, 10.0]).reshape(y.shape))
    np.testing.assert_array_equal(dx.reshape(2, 3), [[0, 11, 10], [1, 11, 0]])


def test_a_constant_image_counts_the_windows() -> None:
    x = jnp.zeros((5, 5, 1))
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(pool(x))))(x)
    counts = np.outer([1, 1, 2, 1, 1], [1, 1, 2, 1, 1])
    np.testing.assert_array_equal(gradient.reshape(5, 5), counts)


def test_ties_differ_from_the_rule_of_jax() -> None:
    """Same values; JAX keeps one of the tied inputs, this layer all of them."""
    x = jnp.asarray(tied(2, 7, 7, 3), "float32")
    y, pull = jax.vjp(jax.jit(pool), x)
    native_y, native_pull = jax.vjp(jax.jit(lambda x: native(x, 3, 2)), x)
    np.testing.assert_array_equal(y, native_y)
    ours, theirs = (np.asarray(f(jnp.ones_like(y))[0]) for f in (pull, native_pull))
    assert np.sum(theirs) == y.size
    assert np.sum(ours) > 1.5 * y.size
    assert np.all(ours >= theirs)


def test_ties_under_jit_and_vmap() -> None:
    x = jnp.asarray(tied(3, 2, 7, 6, 2), "float32")
    dy = jnp.asarray(tied(3, 2, 3, 2, 2, seed=1), "float32")
    got = jax.jit(jax.vmap(lambda x, dy: jax.vjp(pool, x)[1](dy)[0]))(x, dy)
    np.testing.assert_array_equal(got, reference.max_pool_vjp(x, dy)[0])


def test_dropped_rows_have_no_gradient() -> None:
    x = jnp.asarray(tied(2, 8, 6, 3), "float32")
    gradient = np.asarray(jax.jit(jax.grad(lambda x: jnp.sum(pool(x))))(x))
    assert not np.any(gradient[:, 7:])
    assert not np.any(gradient[:, :, 5:])
    assert np.any(gradient[:, 6])
    assert np.any(gradient[:, :, 4])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_nan_propagates(dtype: str, compiled: bool) -> None:
    """Every window that holds the NaN, those only, wherever in the window it lies."""
    x = tied(5, 7, 2)
    x[2, 4, 1] = np.nan
    x[0, 0, 0] = np.nan
    y = (jax.jit(pool) if compiled else pool)(jnp.asarray(x, dtype))
    want = reference.max_pool(x)
    assert np.isnan(want).sum() == 5
    np.testing.assert_array_equal(reference.float64(y), want)


def test_minus_infinity_and_negative_numbers() -> None:
    """Nothing outside the image, and no zero, can win."""
    x = -1.0 - np.abs(tied(5, 5, 1))
    x[:3, :3] = -np.inf
    got = pool(jnp.asarray(x, "float32"))
    np.testing.assert_array_equal(got, reference.max_pool(x))
    assert got[0, 0, 0] == -np.inf
    assert np.all(got < 0)


def test_defaults_overlap() -> None:
    """Size 3, stride 2."""
    x = jnp.asarray(distinct(7, 7, 2), "float32")
    np.testing.assert_array_equal(ops.max_pool(x), ops.max_pool(x, size=3, stride=2))


@pytest.mark.parametrize(("before", "after"), [(55, 27), (54, 26), (27, 13), (13, 6)])
def test_sizes_of_the_network(before: int, after: int) -> None:
    y = jax.eval_shape(ops.max_pool, jax.ShapeDtypeStruct((2, before, before, 96), "float32"))
    assert y.shape == (2, after, after, 96)


@settings(derandomize=True, database=None, deadline=None, max_examples=10)
@given(
    lead=st.lists(st.integers(1, 2), max_size=2),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    size=st.integers(1, 4),
    stride=st.integers(1, 4),
    seed=st.integers(0, 100),
)
def test_any_geometry(lead, extra, size, stride, seed) -> None:
    geometry = {"size": size, "stride": stride}
    with jax.enable_x64(True):
        x = jnp.asarray(tied(*lead, size + extra[0], size + extra[1], 2, seed=seed))
        y, dy, (dx,) = value_and_vjp(partial(pool, **geometry), x)
    np.testing.assert_array_equal(y, reference.max_pool(x, **geometry))
    assert_close(dx, *reference.max_pool_vjp(x, dy, **geometry), TOLERANCE["float64"][1])


@pytest.mark.parametrize("form", ["cpu", "other platforms", "plain"])
@pytest.mark.parametrize(
    ("height", "width", "size", "stride"),
    [(6, 8, 3, 2), (5, 6, 3, 2), (5, 6, 2, 2), (7, 8, 2, 3), (4, 5, 3, 1)],
)
def test_windows_beyond_the_maps(form, height, width, size, stride, monkeypatch) -> None:
    """As if the maps went on with minus infinity, at ties too; negative maxima stay negative."""
    if form == "other platforms":
        monkeypatch.setattr(pool_overhang, "on_platform", lambda *x, cpu, default: default(*x))
    layer = ops.plain.max_pool if form == "plain" else ops.max_pool
    rows, columns = (-(-(side - size) // stride) * stride + size - side for side in (height, width))
    with jax.enable_x64(True):
        x = jnp.asarray(tied(2, height, width, 3) - 5)
        geometry = {"size": size, "stride": stride}
        y, dy, (dx,) = value_and_vjp(partial(layer, overhang=True, **geometry), x)
    edges = ((0, 0), (0, rows), (0, columns), (0, 0))
    padded = np.pad(x, edges, constant_values=-np.inf)
    np.testing.assert_array_equal(y, reference.max_pool(padded, **geometry))
    (want,) = reference.max_pool_vjp(padded, dy, **geometry)
    assert_close(dx, want[:, :height, :width], TOLERANCE["float64"][1])


def test_a_window_wholly_beyond_the_maps_is_refused() -> None:
    """It has no maximum, on whatever path; one with a single row or column inside has."""
    for pool in (ops.max_pool, ops.plain.max_pool):
        with pytest.raises(ValueError, match=r"last window of 1 every 2 would lie wholly beyond"):
            pool(jnp.zeros((1, 8, 8, 1)), size=1, stride=2, overhang=True)
        assert pool(jnp.zeros((1, 7, 9, 1)), size=1, stride=2, overhang=True).shape == (1, 4, 5, 1)


def test_second_derivatives_beyond_the_maps() -> None:
    """Those of the plain form, which JAX differentiates as often as asked."""

    def bend(layer, x):
        slope = jax.grad(lambda x: jnp.sum(layer(x, overhang=True) ** 3))
        return jax.grad(lambda x: jnp.sum(slope(x) ** 2))(x)

    with jax.enable_x64(True):
        x = jnp.asarray(distinct(1, 4, 6, 2))
        found, want = (jax.jit(partial(bend, f))(x) for f in (ops.max_pool, ops.plain.max_pool))
    assert_close(found, want, 1e-12)
