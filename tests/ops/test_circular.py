"""Convolution of small maps by Fourier transforms of whole maps."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.geometries import Geometry
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.vjp import value_and_vjp
from jax import export

from alexnet_jax import ops
from alexnet_jax.ops.cpu import circular

GEOMETRIES = {
    "even period": Geometry((5, 5), (3, 3), (4, 6), padding=1, groups=2),
    "odd period, not square": Geometry((6, 4), (3, 5), (2, 3), padding=1),
    "no padding": Geometry((4, 5), (3, 3), (2, 2)),
    "most padding": Geometry((3, 4), (3, 3), (2, 4), padding=2, groups=2),
    "axes apart": Geometry((11, 9), (5, 5), (4, 6), padding=2, groups=2),
    "axes apart, even period": Geometry((9, 13), (5, 3), (2, 3), padding=1),
    "a kernel larger than the maps": Geometry((3, 3), (5, 5), (2, 2), padding=4),
}
SMALL = Geometry((5, 5), (3, 3), (48, 32), padding=1, groups=2)


# Whether the form is taken at all.
BATCHED = jax.__version_info__ >= (0, 11)


def all_three(
    x: jax.Array, kernel: jax.Array, dy: jax.Array, *, padding: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The convolution and its gradients."""
    y = circular.circular(x, kernel, padding=padding)
    return y, *circular.circular_gradients(x, dy, kernel, padding=padding)


@pytest.mark.parametrize(
    ("name", "images"), [*((name, 128) for name in GEOMETRIES), ("even period", 4)]
)
def test_values_and_gradients(name: str, images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are those of the plain sum, of seven images at once and in groups of four."""
    monkeypatch.setattr(circular, "_IMAGES", images)
    geometry = GEOMETRIES[name]
    with jax.enable_x64(True):
        x, kernel, _ = geometry.arrays("float64", (7,))
        y = reference.conv2d(x, kernel, **geometry.options)
        dy = draw(*y.shape, seed=5)
        slopes = reference.conv2d_vjp(x, kernel, dy, **geometry.options)[:2]
        results = jax.jit(partial(all_three, padding=geometry.padding))(x, kernel, jnp.asarray(dy))
    for got, want in zip(results, (y, *slopes), strict=True):
        assert got.dtype == "float64"
        assert_close(got, want, TOLERANCE["float64"][1])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rounding(dtype: str) -> None:
    """In float32 within a factor of two of the plain sum's; of 16 bits after one of the result."""
    x, kernel, _ = SMALL.arrays(dtype, (16,))
    y, dy, gradients = value_and_vjp(partial(ops.conv2d, padding=1), x, kernel)
    wants = (
        reference.conv2d(x, kernel, padding=1),
        *reference.conv2d_vjp(x, kernel, dy, padding=1)[:2],
    )
    for got, want in zip((y, *gradients), wants, strict=True):
        assert got.dtype == dtype
        assert_close(got, want, {"float32": 1e-6, "bfloat16": 4e-3}[dtype])


def convolutions(
    x: jax.ShapeDtypeStruct, kernel: tuple[int, ...], platform: str, **options: int
) -> int:
    """Number of XLA's convolutions in the program of one and of its gradients."""

    def gradients(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, ...]:
        y, pull = jax.vjp(partial(ops.conv2d, **options), x, kernel)
        return y, *pull(y)

    traced = jax.jit(gradients).trace(x, jax.ShapeDtypeStruct(kernel, x.dtype))
    return traced.lower(lowering_platforms=(platform,)).as_text().count("stablehlo.convolution")


def test_where_it_is_taken() -> None:
    """On a CPU for many images with small maps, of stride 1 and enough maps."""

    def maps(images: int, side: int = 5, count: int = 96) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((images, side, side, count), jnp.float32)

    conv4 = (3, 3, 48, 96)
    assert convolutions(maps(64), conv4, "cpu", padding=1) == (0 if BATCHED else 6)
    assert convolutions(maps(64), conv4, "cuda", padding=1) == 6
    for x, kernel, options in (
        (maps(8), conv4, {"padding": 1}),
        (maps(64), conv4, {"padding": 1, "stride": 2}),
        (maps(64), conv4, {"padding": 3}),
        (maps(64), (1, 1, 48, 96), {}),
        (maps(64, count=8), (3, 3, 8, 96), {"padding": 1}),
        (maps(64, count=96), (3, 3, 48, 16), {"padding": 1}),
        (maps(64, side=20), (3, 3, 48, 96), {"padding": 1}),
    ):
        assert convolutions(x, kernel, "cpu", **options) > 0, (x, kernel, options)


def test_a_batch_of_unknown_size() -> None:
    """As an export has it, whose program is that of the library."""
    x, kernel, _ = SMALL.arrays("float32", (16,))
    unknown = jax.ShapeDtypeStruct((*export.symbolic_shape("b"), *x.shape[1:]), jnp.float32)
    program = export.export(jax.jit(lambda x: ops.conv2d(x, kernel, padding=1)))(unknown)
    assert_close(program.call(x), reference.conv2d(x, kernel, padding=1), 1e-6)


def test_a_value_that_is_no_number() -> None:
    """Makes all outputs of its image NaN, and leaves the other images' bits as they are."""
    x, kernel, _ = SMALL.arrays("float32", (16,))
    convolve = jax.jit(lambda x: circular.circular(x, kernel, padding=1))
    y, plain = convolve(x.at[3, 1, 2, 0].set(np.nan)), convolve(x)
    others = np.arange(16) != 3
    np.testing.assert_array_equal(np.asarray(y)[others], np.asarray(plain)[others])
    first_tower = y[3, ..., : y.shape[-1] // 2]
    assert jnp.all(jnp.isnan(first_tower))
    assert not jnp.any(jnp.isnan(y[3, ..., y.shape[-1] // 2 :]))


def test_gradients_inside_a_mesh() -> None:
    """Of each device's own images, with a kernel that all devices share."""
    x, kernel, _ = SMALL.arrays("float32", (32,))
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))

    def loss(kernel: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.conv2d(x, kernel, padding=1)))

    specs = (jax.P(), jax.P("x"))
    gradients = jax.jit(
        jax.shard_map(jax.grad(loss, (0, 1)), mesh=mesh, in_specs=specs, out_specs=specs)
    )
    assert ("convolution" in gradients.lower(kernel, x).as_text()) is not BATCHED
    y = reference.conv2d(x, kernel, padding=1)
    wants = reference.conv2d_vjp(x, kernel, 2 * y, padding=1)[1::-1]
    for got, want in zip(gradients(kernel, x), wants, strict=True):
        assert_close(got, want, TOLERANCE["float32"][1])
