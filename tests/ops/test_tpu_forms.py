"""The forms of convolutions and dense layers that a TPU computes."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers import reference
from helpers.geometries import GEOMETRIES, Geometry
from helpers.reference import TOLERANCE, assert_close, draw

from alexnet_jax import ops
from alexnet_jax.ops import xla_conv

GROUPED = {name: geometry for name, geometry in GEOMETRIES.items() if geometry.groups > 1}


def lowered(platform: str, function: Any, *arrays: Any) -> str:
    """The program of a function and its gradients for a platform."""

    def both(*arrays: jax.Array) -> Any:
        y, pull = jax.vjp(function, *arrays)
        return y, pull(y)

    return jax.jit(both).trace(*arrays).lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("name", GROUPED)
def test_groups_at_once_match_the_reference(name: str) -> None:
    """Values and both gradients, in float64."""
    geometry = GROUPED[name]
    with jax.enable_x64(True):
        x, kernel, _ = geometry.arrays("float64")
        settings = (geometry.stride, geometry.padding, geometry.groups)
        y = xla_conv.convolution(x, kernel, *settings)
        dy = jnp.asarray(draw(*y.shape, seed=7))
        found = xla_conv.gradients(x, dy, kernel, *settings, need_dx=True, need_dkernel=True)
    values, slopes = TOLERANCE["float64"]
    assert_close(y, reference.conv2d(x, kernel, **geometry.options), values)
    wants = reference.conv2d_vjp(x, kernel, dy, **geometry.options)
    for got, want in zip(found, wants, strict=False):
        assert_close(got, want, slopes)


@pytest.mark.parametrize(("platform", "convolutions", "barriers"), [("tpu", 3, 0), ("cuda", 6, 4)])
def test_only_a_tpu_computes_groups_at_once(
    platform: str, convolutions: int, barriers: int
) -> None:
    """A convolution and its two gradients; each of two groups has its own elsewhere."""
    geometry: Geometry = GEOMETRIES["second layer"]
    text = lowered(platform, geometry.convolve, *geometry.arrays("float32"))
    assert text.count("stablehlo.convolution") == convolutions
    assert text.count("optimization_barrier") == barriers
    counts = set(re.findall(r"(?:feature|batch)_group_count = (\d+)", text))
    assert counts == ({"1", "2"} if platform == "tpu" else {"1"})


def test_groups_are_apart_where_the_compiler_divides_maps() -> None:
    """It would gather the maps of a grouped convolution on every device."""
    geometry = GEOMETRIES["second layer"]
    mesh = jax.make_mesh((2,), ("tower",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh):
        text = lowered("tpu", geometry.convolve, *geometry.arrays("float32"))
    assert text.count("stablehlo.convolution") == 6


@pytest.mark.parametrize(("platform", "barriers"), [("tpu", 0), ("cuda", 1)])
def test_only_a_tpu_updates_kernels_as_it_computes_their_gradients(
    platform: str, barriers: int
) -> None:
    x, kernel = jnp.ones((2, 3)), jnp.ones((3, 4))
    text = lowered(platform, ops.dense, x, kernel)
    assert text.count("stablehlo.dot_general") == 3
    assert text.count("optimization_barrier") == barriers
