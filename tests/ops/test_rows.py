"""Normalization and pooling with a gradient by rows, computed on a CPU, and where it is used."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.tails import BATCH, BLOCKS, PAPER, wanted
from helpers.vjp import value_and_vjp

from alexnet_jax import ops
from alexnet_jax.ops import row_gradient
from alexnet_jax.ops.pool_forms import maximum_and_places
from alexnet_jax.ops.tail import pool_layers
from alexnet_jax.ops.tail_rows import pool_by_rows
from alexnet_jax.ops.varying import varying_alike

# Without neighbours, so that equal values stay equal.
TIES = ops.Tail(norm=ops.Norm(n=5, k=1.0, alpha=0.0, beta=0.75))


def by_rows(tail: ops.Tail, x: jax.Array, bias: jax.Array) -> jax.Array:
    return pool_by_rows(tail, partial(pool_layers, tail), x, bias)


@pytest.mark.parametrize(
    ("tail", "sides", "maps", "dtype"),
    [
        pytest.param(PAPER, (7, 8), 6, "float64", id="paper"),
        pytest.param(PAPER, (8, 5), 6, "float32", id="float32"),
        pytest.param(BLOCKS, (6, 5), 32, "bfloat16", id="blocks"),
        pytest.param(TIES, (5, 7), 3, "float32", id="ties"),
    ],
)
def test_values_and_gradients(
    tail: ops.Tail, sides: tuple[int, int], maps: int, dtype: str
) -> None:
    """Those of the references in float64; odd and even sides, whose last row no window reads; ties
    in nearly every window, and a NaN, which passes forward and receives nothing."""
    with jax.enable_x64(dtype == "float64"):
        x = draw(3, *sides, maps)
        if tail is TIES:
            x = np.round(x)
            x[1, 2, 2, 1] = np.nan
        x, bias = jnp.asarray(x, dtype), jnp.asarray(np.round(draw(maps, seed=1)), dtype)
        y, dy, (dx, dbias) = value_and_vjp(partial(by_rows, tail), x, bias)
        assert y.dtype == dx.dtype == dbias.dtype == dtype
        wants = wanted(tail, x, bias, dy)
    values, slopes = TOLERANCE[dtype]
    for got, want, tolerance in zip((y, dx, dbias), wants, (values, slopes, slopes), strict=True):
        assert_close(got, want, tolerance)


def test_places_are_those_of_the_maxima() -> None:
    """Each of the nine bits by itself, for maxima of equal values and of NaN."""
    x = np.round(draw(2, 7, 6, 3))
    x[0, 2, 2], x[1, 0, 0] = np.nan, -np.inf
    y, places = maximum_and_places(jnp.asarray(x, "float32"))
    assert places.dtype == np.uint16
    np.testing.assert_array_equal(y, reference.max_pool(x))
    for row in range(3):
        for column in range(3):
            inputs = x[:, row : row + 5 : 2, column : column + 3 : 2]
            held = (np.asarray(places) >> (3 * row + column)) & 1
            np.testing.assert_array_equal(held, inputs == np.asarray(y))


def test_images_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at a time as the memory of the chip holds; the gradient is the same."""
    x, dy = (jnp.asarray(draw(2, 2 * BATCH, 5, 5, 4)[0], "float32") for _ in range(2))
    _, places = maximum_and_places(x)
    arrays = [jnp.transpose(a, (1, 2, 3, 0)) for a in (x, places, dy[:, :2, :2])]
    arrays.insert(1, jnp.ones(4))
    whole = row_gradient.gradient_by_rows(PAPER, *arrays)
    monkeypatch.setattr(row_gradient, "_ROW_BYTES", 1)
    np.testing.assert_array_equal(row_gradient.gradient_by_rows(PAPER, *arrays), whole)


def test_number_of_images_at_once() -> None:
    """Of `paper` in bfloat16 1,024, of conv2's maps in float32 512; a divisor of the batch."""
    at_once = row_gradient._images_at_once
    assert at_once(55 * 96, 1024, 2) == at_once(27 * 256, 1024, 2) == 1024
    assert at_once(55 * 96, 1024, 4) == 1024
    assert at_once(27 * 256, 1024, 4) == 512
    assert at_once(55 * 96, 7 * 128, 4) == 7 * 128
    assert at_once(27 * 256, 7 * 128, 4) == 128
    assert at_once(55 * 96, 5, 4) == 5


def test_the_second_derivative_is_that_of_the_layers() -> None:
    """Of a function of the value and of the gradient."""
    x, v = (jnp.asarray(draw(4, 3, 5, 4, seed=seed), "float32") for seed in (0, 1))
    bias = jnp.asarray(draw(4, seed=2), "float32")

    @jax.jit
    def bends(x: jax.Array, bias: jax.Array) -> list[list[jax.Array]]:
        def bend(layer: partial[jax.Array]) -> list[jax.Array]:
            def product(x: jax.Array, bias: jax.Array) -> jax.Array:
                slope, sums = jax.grad(lambda x, b: jnp.sum(layer(x, b) ** 3), (0, 1))(x, bias)
                return jnp.sum(slope * v) + jnp.sum(sums**2)

            return list(jax.grad(product, (0, 1))(x, bias))

        return [bend(partial(layer, PAPER)) for layer in (by_rows, pool_layers)]

    for got, want in zip(*bends(x, bias), strict=True):
        assert_close(got, want, TOLERANCE["float32"][1])


def test_on_several_devices() -> None:
    """Inside `jax.shard_map` each has its own images, or all have the same ones."""
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x = jnp.asarray(draw(2, 3, 5, 4), "float32")

    def slope(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(by_rows(PAPER, *varying_alike((x, jnp.ones(4))))))(x)

    @jax.jit
    def slopes(x: jax.Array) -> list[jax.Array]:
        mapped = partial(jax.shard_map, slope, mesh=mesh)
        specs = (jax.P("data"), jax.P())
        return [mapped(in_specs=spec, out_specs=spec)(x) for spec in specs]

    for got in slopes(x):
        np.testing.assert_allclose(got, slope(x), rtol=1e-6, atol=1e-6)


def loops(
    shape: tuple[int, ...], *, enabled: bool | None, tail: ops.Tail = PAPER, platform: str = "tpu"
) -> int:
    """The number of loops in the gradient of a tail, lowered for a platform."""

    def slope(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(ops.pool_tail(tail, x)))(x)

    def text() -> str:
        traced = jax.jit(slope).trace(jax.ShapeDtypeStruct(shape, "bfloat16"))
        return traced.lower(lowering_platforms=(platform,)).as_text()

    if enabled is None:
        return text().count("stablehlo.while")
    with ops.kernels(enabled):
        return text().count("stablehlo.while")


def test_where_rows_are_used() -> None:
    """On a TPU without kernels, for whole registers of images of a tail with a normalization; in
    place of a kernel that does not fit; not where the compiler divides arrays."""
    shape = (BATCH, 9, 9, 16)
    assert loops(shape, enabled=False) == 1
    assert loops(shape, enabled=True) == 0
    wide = ops.Tail(norm=ops.Norm(n=19, k=2.0, alpha=1e-4, beta=0.75))
    assert loops(shape, enabled=True, tail=wide) == 1
    assert loops(shape, enabled=None) == loops(shape, enabled=False, platform="cpu") == 0
    assert loops(shape, enabled=False, tail=ops.Tail(rectify=True)) == 0
    assert loops((BATCH - 1, 9, 9, 16), enabled=False) == 0
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        assert loops(shape, enabled=False) == 0
