"""The forms of a convolution that a CPU takes, and which of them it takes."""

import re
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.geometries import Geometry
from helpers.reference import TOLERANCE, assert_close
from helpers.vjp import value_and_vjp
from jax import export

from alexnet_jax import ops
from alexnet_jax.ops.cpu import conv as cpu_conv
from alexnet_jax.ops.cpu.microbatch import map_and_sum_groups, map_groups, sum_groups

GEOMETRIES = {
    "third layer": Geometry((13, 13), (3, 3), (4, 6), padding=1),
    "even sides": Geometry((8, 6), (3, 3), (2, 3), padding=1, groups=1),
    "groups": Geometry((5, 4), (3, 3), (6, 4), padding=1, groups=2),
    "no padding": Geometry((7, 4), (3, 3), (2, 2)),
    "one output": Geometry((3, 3), (3, 3), (2, 2)),
    "more padding": Geometry((4, 5), (3, 3), (2, 3), padding=2),
    "padding beyond the window": Geometry((4, 3), (3, 3), (2, 2), padding=3),
    "second layer": Geometry((6, 5), (5, 5), (4, 6), padding=2, groups=2),
    "several tiles": Geometry((21, 10), (5, 5), (3, 2), padding=2),
    "a tile that fits": Geometry((9, 9), (5, 5), (2, 3), padding=2),
    "5 x 5, no padding": Geometry((14, 5), (5, 5), (2, 3)),
    "5 x 5, more padding": Geometry((4, 3), (5, 5), (2, 3), padding=4),
    "5 x 5, padding beyond the window": Geometry((4, 3), (5, 5), (2, 2), padding=5),
    "not square": Geometry((8, 9), (5, 3), (2, 3), padding=2),
    "few maps": Geometry((7, 6), (5, 3), (3, 4), padding=2),
    "one map, no padding": Geometry((8, 9), (4, 6), (1, 2)),
    "strided": Geometry((19, 18), (11, 11), (3, 4), stride=4, padding=1),
}


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The forms of large convolutions for small ones."""
    jax.clear_caches()
    monkeypatch.setattr(cpu_conv, "_LARGE", 0)
    yield
    jax.clear_caches()


CASES = [(name, "float64") for name in GEOMETRIES]
CASES += [("third layer", "float32"), ("several tiles", "float32")]


@pytest.mark.parametrize(("name", "dtype"), CASES)
@pytest.mark.usefixtures("all_large")
def test_large_forms_match_the_reference(name: str, dtype: str) -> None:
    """Of 19 images, which leave some over in every way of grouping them."""
    geometry = GEOMETRIES[name]
    with jax.enable_x64(True):
        arrays = geometry.arrays(dtype, (19,))
        y, dy, gradients = value_and_vjp(geometry.convolve, *arrays)
    values, slopes = TOLERANCE[dtype]
    assert_close(y, reference.conv2d(*arrays, **geometry.options), values)
    wants = reference.conv2d_vjp(*arrays[:2], dy, **geometry.options)
    for got, want in zip(gradients, wants, strict=True):
        assert got.dtype == dtype
        assert_close(got, want, slopes)


@pytest.mark.parametrize("name", ["third layer", "several tiles"])
@pytest.mark.usefixtures("all_large")
def test_large_forms_of_16_bits_are_computed_in_float32(name: str) -> None:
    """And rounded once."""
    x, kernel, _ = GEOMETRIES[name].arrays("bfloat16", (9,))
    convolve = partial(ops.conv2d, **GEOMETRIES[name].options)
    y, dy, gradients = value_and_vjp(convolve, x, kernel)

    @jax.jit
    def wide(*arrays: jax.Array) -> tuple[jax.Array, ...]:
        x, kernel, dy = (array.astype(jnp.float32) for array in arrays)
        y, pull = jax.vjp(convolve, x, kernel)
        return y, *pull(dy)

    for got, want in zip((y, *gradients), wide(x, kernel, dy), strict=True):
        assert got.dtype == jnp.bfloat16
        np.testing.assert_array_equal(got, want.astype(jnp.bfloat16))


SHAPES = {"conv2": ((27, 27, 48), (5, 5, 48, 128)), "conv3": ((13, 13, 256), (3, 3, 256, 384))}


def operations(dtype: str, platform: str, name: str, maps: int | None = None) -> tuple[int, int]:
    """Convolutions and matrix products in a layer and its gradients for this platform."""
    image, (*window, all_maps) = SHAPES[name]
    x = jax.ShapeDtypeStruct((4, *image), dtype)
    kernel = jax.ShapeDtypeStruct((*window, maps or all_maps), dtype)

    def gradients(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, ...]:
        convolve = partial(ops.conv2d, padding=window[0] // 2)
        y, pull = jax.vjp(convolve, x, kernel)
        return y, *pull(y)

    text = jax.jit(gradients).trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    large = [line for line in products if "tensor<8x8xf32>" not in line]  # `groups._by_product`
    return text.count("stablehlo.convolution"), len(large)


@pytest.mark.parametrize("name", SHAPES)
def test_where_which_form_is_taken(name: str) -> None:
    """Products on a CPU for a large one, of any dtype. Of conv3 forward and two gradients,
    each with that which transforms the kernel; of conv2 the transforms of x and the kernel, four
    products and an inverse forward, then three, eight and two for both gradients; a transform is a
    product for the real and one for the imaginary part."""
    assert operations("float32", "cpu", name) == (0, {"conv2": 28, "conv3": 6}[name])
    assert operations("float32", "cuda", name) == (3, 0)
    assert operations("bfloat16", "cpu", name) == operations("float32", "cpu", name)
    assert operations("float32", "cpu", name, maps=8) == (3, 0)


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("name", ["third layer", "several tiles"])
@pytest.mark.parametrize("place", [0, 1])
def test_one_gradient_alone(name: str, place: int) -> None:
    """Is that which comes with the other, from a smaller program."""
    *arrays, bias = GEOMETRIES[name].arrays("float32", (19,))

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(GEOMETRIES[name].convolve(x, kernel, bias)))

    one, both = (
        jax.jit(jax.grad(loss, places)).lower(*arrays).compile() for places in (place, (0, 1))
    )
    assert_close(one(*arrays), both(*arrays)[place], TOLERANCE["float32"][0])
    assert one.cost_analysis()["flops"] < 0.95 * both.cost_analysis()["flops"]


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("name", ["third layer", "several tiles"])
def test_a_batch_of_unknown_size(name: str) -> None:
    """As an export has it."""
    geometry = GEOMETRIES[name]
    arrays = geometry.arrays("float32", (19,))
    x = jax.ShapeDtypeStruct((*export.symbolic_shape("b"), *arrays[0].shape[1:]), jnp.float32)
    program = export.export(jax.jit(lambda x: geometry.convolve(x, *arrays[1:])))(x)
    want = reference.conv2d(*arrays, **geometry.options)
    assert_close(program.call(arrays[0]), want, TOLERANCE["float32"][0])


@pytest.mark.parametrize("count", [1, 3, 4, 8, 11])
def test_groups_of_images(count: int) -> None:
    seen = []

    def one(x: jax.Array) -> jax.Array:
        seen.append(x.shape[0])
        return 2 * x

    x = jnp.arange(3.0 * count).reshape(count, 3)
    np.testing.assert_array_equal(map_groups(one, 4, x), 2 * x)
    np.testing.assert_array_equal(sum_groups(lambda x: one(x).sum(0), 4, x), 2 * x.sum(0))
    mapped, total = map_and_sum_groups(lambda x: (one(x), x.sum(0)), 4, x)
    np.testing.assert_array_equal(mapped, 2 * x)
    np.testing.assert_array_equal(total, x.sum(0))
    assert max(seen) == min(count, 4)


@pytest.mark.parametrize(("count", "size"), [(5, 3), (6, 3), (9, 3), (11, 4), (12, 4)])
def test_groups_are_of_one_size(count: int, size: int) -> None:
    """As few images as can be are taken twice."""
    seen = set()

    def one(x: jax.Array) -> jax.Array:
        seen.add(x.shape[0])
        return x

    map_groups(one, 4, jnp.ones((count, 2)))
    assert seen == {size}


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("name", ["third layer", "several tiles"])
def test_gradients_over_a_mesh(name: str) -> None:
    """Of each device's own images: loops begin with what differs between devices, too."""
    x, kernel, bias = GEOMETRIES[name].arrays("float32", (32,))
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    images, same = jax.P("batch"), jax.P()

    def loss(kernel: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(GEOMETRIES[name].convolve(x, kernel, bias)))

    @jax.jit
    @partial(jax.shard_map, mesh=mesh, in_specs=(same, images), out_specs=(same, images))
    def gradients(kernel: jax.Array, x: jax.Array) -> tuple[jax.Array, ...]:
        kernel = jax.lax.pcast(kernel, "batch", to="varying")
        of_kernel, of_x = jax.grad(loss, (0, 1))(kernel, x)
        return jax.lax.psum(of_kernel, "batch"), of_x

    wants = jax.jit(jax.grad(loss, (0, 1)))(kernel, x)
    for got, want in zip(gradients(kernel, x), wants, strict=True):
        assert_close(got, want, TOLERANCE["float32"][1])


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("name", ["third layer", "several tiles", "strided"])
def test_arrays_that_vary_over_a_mesh_beside_others_that_do_not(name: str) -> None:
    """Types of gradients inside `shard_map`: of images divided and a kernel that is not, and of
    maps divided and images that are not."""
    x, kernel, _ = GEOMETRIES[name].arrays("float32", (32,))
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))

    def loss(kernel: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.conv2d(x, kernel, **GEOMETRIES[name].options)))

    for specs in ((jax.P(), jax.P("x")), (jax.P(None, None, None, "x"), jax.P())):
        gradients = jax.shard_map(
            jax.grad(loss, (0, 1)), mesh=mesh, in_specs=specs, out_specs=specs
        )
        shapes = [(y.shape, y.dtype) for y in jax.eval_shape(gradients, kernel, x)]
        assert shapes == [(kernel.shape, kernel.dtype), (x.shape, x.dtype)]


@pytest.mark.parametrize("name", ["third layer", "second layer", "strided"])
def test_gradients_are_forward_convolutions(name: str) -> None:
    """In the layout that XLA's library takes as it is: others it rearranges, but not in loops."""
    x, kernel, _ = GEOMETRIES[name].arrays("float32", (3,))

    def loss(kernel: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.conv2d(x, kernel, **GEOMETRIES[name].options)))

    text = jax.jit(jax.grad(loss, (0, 1))).lower(kernel, x).as_text()
    forward = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"
    assert len(re.findall(r"stablehlo\.convolution\(", text)) == text.count(forward) > 1


def test_loops_hold_nothing_before_they_run() -> None:
    """Of four in a row, no more than what two of them make, and a little."""
    x, kernel = jnp.ones((64, 128, 128)), jnp.ones((128, 128))

    def chain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        for _ in range(4):
            x = map_groups(lambda x: jnp.tanh(x @ kernel), 4, x)
        return x

    memory = jax.jit(chain).lower(x, kernel).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 2.5 * x.nbytes
