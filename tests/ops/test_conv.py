"""Convolution: geometry, groups, dropped rows; forward and backward."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.geometries import GEOMETRIES, Geometry
from helpers.reference import TOLERANCE, assert_close
from helpers.vjp import value_and_vjp
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_jax import ops

every_geometry = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def windows(size: int, window: int, stride: int) -> np.ndarray:
    """[i, p] -> S i + p."""
    places = np.arange(reference.output_size(size, window, stride))
    return stride * places[:, None] + np.arange(window)


def plain(g: Geometry, x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The windows gathered by their indices and summed, for JAX to differentiate."""
    p = g.padding
    x = jnp.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    rows, columns = (windows(n, k, g.stride) for n, k in zip(x.shape[1:3], g.window, strict=True))
    x = x[:, rows[:, None, :, None], columns[None, :, None, :]]
    x = x.reshape(*x.shape[:-1], g.groups, -1)
    kernel = kernel.reshape(*kernel.shape[:3], g.groups, -1)
    y = jnp.einsum("bijpqgc,pqcgl->bijgl", x, kernel)
    y = y.reshape(*y.shape[:3], -1)
    return y + jnp.broadcast_to(bias, y.shape)


@every_geometry
def test_matches_the_reference_and_automatic_differentiation(geometry: Geometry) -> None:
    with jax.enable_x64(True):
        arrays = geometry.arrays("float64")
        y, dy, gradients = value_and_vjp(geometry.convolve, *arrays)
        plain_y, _, plain_gradients = value_and_vjp(partial(plain, geometry), *arrays)
    values, slopes = TOLERANCE["float64"]
    for want in (reference.conv2d(*arrays, **geometry.options), plain_y):
        assert_close(y, want, values)
    for wants in (reference.conv2d_vjp(*arrays[:2], dy, **geometry.options), plain_gradients):
        for got, want in zip(gradients, wants, strict=True):
            assert_close(got, want, slopes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["first layer", "second layer"])
def test_lower_precision(name: str, dtype: str) -> None:
    geometry, (values, slopes) = GEOMETRIES[name], TOLERANCE[dtype]
    arrays = geometry.arrays(dtype)
    y, dy, gradients = value_and_vjp(geometry.convolve, *arrays)
    assert_close(y, reference.conv2d(*arrays, **geometry.options), values)
    wants = reference.conv2d_vjp(*arrays[:2], dy, **geometry.options)
    for got, want in zip(gradients, wants, strict=True):
        assert got.dtype == dtype
        assert_close(got, want, slopes)


def test_by_hand() -> None:
    """Correlation, not flipped; bias added once; the second group reads the second map."""
    x = jnp.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]).reshape(1, 3, 2)
    kernel = jnp.array([[1.0, 1.0], [-1.0, 2.0]]).reshape(1, 2, 1, 2)
    y = ops.conv2d(x, kernel, jnp.array([100.0, 0.5]))
    np.testing.assert_array_equal(y, [[[99.0, 50.5], [99.0, 80.5]]])


def test_without_bias() -> None:
    x, kernel, bias = GEOMETRIES["second layer"].arrays("float32")
    y = ops.conv2d(x, kernel, padding=2)
    np.testing.assert_array_equal(y, ops.conv2d(x, kernel, None, padding=2))
    np.testing.assert_array_equal(y, ops.conv2d(x, kernel, jnp.zeros_like(bias), padding=2))


@pytest.mark.parametrize("groups", [2, 3])
def test_groups_do_not_hear_each_other(groups: int) -> None:
    """A slice of the output is a convolution of its slice of the input, and of nothing else."""
    geometry = Geometry((6, 6), (3, 3), (6, 12), padding=1, groups=groups)
    x, kernel, bias = geometry.arrays("float32")
    y, pull = jax.vjp(jax.jit(geometry.convolve), x, kernel, bias)
    for g in range(groups):
        read = slice(g * 6 // groups, (g + 1) * 6 // groups)
        write = slice(g * 12 // groups, (g + 1) * 12 // groups)
        alone = ops.conv2d(x[..., read], kernel[..., write], bias[write], padding=1)
        assert_close(y[..., write], alone, TOLERANCE["float32"][0])
        dy = jnp.zeros_like(y).at[..., write].set(1.0)
        gradient = np.array(pull(dy)[0])
        assert np.all(gradient[..., read])
        gradient[..., read] = 0.0
        assert not np.any(gradient)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("first layer dropping rows", 19, 19), ("even size", 7, 5), ("gaps between windows", 6, 6)],
)
def test_dropped_rows_have_no_gradient(name: str, rows: int, columns: int) -> None:
    """The floor leaves the last rows and columns unread: their gradient is exactly zero."""
    geometry = GEOMETRIES[name]
    x, kernel, bias = geometry.arrays("float32")
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(geometry.convolve(x, kernel, bias))))(x)
    gradient = np.asarray(gradient)
    assert x.shape[1] > rows
    assert x.shape[2] > columns
    assert not np.any(gradient[:, rows:])
    assert not np.any(gradient[:, :, columns:])
    assert np.all(gradient[:, rows - 1, columns - 1])


@pytest.mark.parametrize(
    ("image", "kernel", "options", "want"),
    [
        ((227, 227, 3), (11, 11, 3, 96), {"stride": 4}, (55, 55, 96)),
        ((224, 224, 3), (11, 11, 3, 96), {"stride": 4}, (54, 54, 96)),
        ((224, 224, 3), (11, 11, 3, 64), {"stride": 4, "padding": 2}, (55, 55, 64)),
        ((27, 27, 96), (5, 5, 48, 256), {"padding": 2}, (27, 27, 256)),
        ((13, 13, 256), (3, 3, 256, 384), {"padding": 1}, (13, 13, 384)),
        ((13, 13, 384), (3, 3, 192, 384), {"padding": 1}, (13, 13, 384)),
    ],
)
def test_sizes_of_the_network(image, kernel, options, want) -> None:
    arrays = [jax.ShapeDtypeStruct(shape, "float32") for shape in ((5, *image), kernel)]
    y = jax.eval_shape(lambda x, kernel: ops.conv2d(x, kernel, **options), *arrays)
    assert y.shape == (5, *want)


@st.composite
def geometries(draw_: st.DrawFn) -> Geometry:
    size = st.integers(1, 4)
    window = draw_(size), draw_(size)
    groups, padding = draw_(st.integers(1, 3)), draw_(st.integers(0, 2))
    maps = groups * draw_(st.integers(1, 2)), groups * draw_(st.integers(1, 2))
    image = tuple(max(1, k - 2 * padding) + draw_(st.integers(0, 4)) for k in window)
    return Geometry(image, window, maps, draw_(st.integers(1, 4)), padding, groups)


@settings(derandomize=True, database=None, deadline=None, max_examples=10)
@given(geometry=geometries(), lead=st.lists(st.integers(1, 2), max_size=2))
def test_any_geometry(geometry: Geometry, lead: list[int]) -> None:
    with jax.enable_x64(True):
        arrays = geometry.arrays("float64", tuple(lead))
        y, dy, gradients = value_and_vjp(geometry.convolve, *arrays)
    assert_close(y, reference.conv2d(*arrays, **geometry.options), TOLERANCE["float64"][0])
    wants = reference.conv2d_vjp(*arrays[:2], dy, **geometry.options)
    for got, want in zip(gradients, wants, strict=True):
        assert_close(got, want, TOLERANCE["float64"][1])


@pytest.mark.parametrize("count", [1, 5, 70])
def test_weight_gradient_over_many_images(count: int) -> None:
    """Summed over groups of images, the last one smaller; in float32 also where x is bfloat16."""
    geometry = GEOMETRIES["first layer dropping rows"]
    for dtype in ("float32", "bfloat16"):
        x, kernel, bias = geometry.arrays(dtype, (count,))
        _, dy, gradients = value_and_vjp(geometry.convolve, x, kernel, bias)
        want = reference.conv2d_vjp(x, kernel, dy, **geometry.options)[1]
        assert gradients[1].dtype == dtype
        assert_close(gradients[1], want, 1e-5 if dtype == "float32" else 4e-3)


@pytest.mark.parametrize(("argument", "count"), [(0, 2), (1, 2), ((0, 1), 3)])
def test_no_convolution_without_use(argument: int | tuple[int, ...], count: int) -> None:
    """A gradient that nobody asks for is not made: of images, or of a layer that is frozen."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.conv2d(x, kernel)))

    gradient = jax.jit(jax.grad(loss, argument))
    text = gradient.lower(jnp.ones((2, 5, 5, 3)), jnp.ones((3, 3, 3, 4))).as_text()
    assert text.count("stablehlo.convolution") == count
