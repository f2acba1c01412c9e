"""Kernels for TPUs, interpreted on a CPU: values, gradients, and where they are used."""

import functools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.vjp import value_and_vjp
from jax.experimental import pallas as pl

from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import LRN, Conv, Dense, MaxPool
from alexnet_jax.network.presets import architecture
from alexnet_jax.network.steps import Context, program
from alexnet_jax.network.tails import run_tail
from alexnet_jax.ops import tpu
from alexnet_jax.ops.by_kernel import pool_by_kernel
from alexnet_jax.ops.tail import pool_layers

BATCH = 128  # images of one register
PAPER = ops.Tail(rectify=True, norm=ops.Norm(n=5, k=1.5, alpha=0.3, beta=0.75))
# Windows of even length within blocks of maps, and another power.
BLOCKS = ops.Tail(norm=ops.Norm(n=4, k=1.5, alpha=0.3, beta=0.6, width=8))
ALONE = ops.Tail()


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "pallas_call", partial(pl.pallas_call, interpret=True))


def by_kernel(tail: ops.Tail, x: jax.Array) -> jax.Array:
    return pool_by_kernel(tail, partial(pool_layers, tail), x)


def wanted(tail: ops.Tail, x: jax.Array, dy: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient of a tail in float64, from the references of the layers."""
    a = reference.float64(x)
    rectified = np.maximum(a, 0) if tail.rectify else a
    y, constants = rectified, {}
    if tail.norm is not None:
        norm = tail.norm
        constants = {"n": norm.n, "k": norm.k, "alpha": norm.alpha, "beta": norm.beta}
        blocks = (*a.shape[:-1], -1, norm.width or a.shape[-1])
        y = reference.local_response_norm(rectified.reshape(blocks), **constants).reshape(a.shape)
    # The layer rounds before it compares.
    y = reference.float64(jnp.asarray(y, x.dtype))
    (slope,) = reference.max_pool_vjp(y, dy)
    if tail.norm is not None:
        (slope,) = reference.local_response_norm_vjp(
            rectified.reshape(blocks), slope.reshape(blocks), **constants
        )
        slope = slope.reshape(a.shape)
    return reference.max_pool(y), np.where(a > 0, slope, 0) if tail.rectify else slope


@pytest.mark.parametrize(
    ("tail", "sides", "maps", "dtype"),
    [
        pytest.param(PAPER, (7, 8), 10, "float32", id="paper"),
        pytest.param(BLOCKS, (6, 5), 16, "bfloat16", id="blocks"),
        pytest.param(ALONE, (5, 6), 3, "float32", id="pool alone"),
    ],
)
def test_values_and_gradients(
    interpreted: None, tail: ops.Tail, sides: tuple[int, int], maps: int, dtype: str
) -> None:
    """Those of the references in float64; odd and even sides, whose last row no window reads."""
    x = draw(BATCH, *sides, maps)
    x = jnp.asarray(x if tail.norm else np.round(x), dtype)  # ties in nearly every window
    y, dy, (dx,) = value_and_vjp(partial(by_kernel, tail), x)
    assert y.dtype == dx.dtype == dtype
    value, slope = wanted(tail, x, dy)
    values, slopes = TOLERANCE[dtype]
    assert_close(y, value, values if tail.norm else 0)
    assert_close(dx, slope, slopes)


def test_nan_infinity_and_zero(interpreted: None) -> None:
    """A NaN passes forward and receives nothing; every tie at zero receives all, unless rectified:
    there the derivative of max(x, 0) is 0. Two blocks of images."""
    x = np.zeros((2 * BATCH, 5, 5, 1), np.float32)
    x[0, 2, 2], x[1, 0, 0], x[2] = np.nan, np.inf, -np.inf
    x[3, 4, 4] = 1
    for tail in (ALONE, ops.Tail(rectify=True)):
        y, dy, (dx,) = value_and_vjp(partial(by_kernel, tail), jnp.asarray(x))
        value, slope = wanted(tail, jnp.asarray(x), dy)
        np.testing.assert_array_equal(y, value)
        assert_close(dx, slope, TOLERANCE["float32"][1])


def test_the_second_derivative_is_that_of_the_layers(interpreted: None) -> None:
    """Of a function of the value and of the gradient; in reverse mode, the only one that is."""
    x, v = (jnp.asarray(draw(BATCH, 3, 3, 4, seed=seed), "float32") for seed in (0, 1))

    def bend(layer: Any, x: jax.Array) -> jax.Array:
        slope = jax.grad(lambda x: jnp.sum(layer(x) ** 3))
        bends: jax.Array = jax.grad(lambda x: jnp.sum(slope(x) * v))(x)
        return bends

    by_kernels, by_layers = (
        jax.jit(partial(bend, partial(layer, PAPER)))(x) for layer in (by_kernel, pool_layers)
    )
    assert_close(by_kernels, by_layers, TOLERANCE["float32"][1])


def calls(function: Any, *arguments: Any, platform: str = "tpu", enabled: bool = True) -> list[str]:
    """The names of the kernels in a program lowered for a platform, in their order."""
    with ops.kernels(enabled):
        lowered = jax.jit(function).trace(*arguments).lower(lowering_platforms=(platform,))
    lines = lowered.as_text().splitlines()
    return [
        line.split('kernel_name = "')[1].split('"')[0] for line in lines if "tpu_custom" in line
    ]


def images(*shape: int, dtype: str = "bfloat16") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def test_where_kernels_are_used() -> None:
    """For a TPU, in both directions, for whole registers of images of a dtype that they take; if
    they are switched off, and elsewhere, the layers take their place."""

    def slope(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(ops.pool_tail(PAPER, x)))(x)

    x = images(BATCH, 9, 9, 16)
    both = ["normalize_and_pool", "normalize_and_pool_gradient"]
    assert calls(slope, x) == both[1:]  # the value is not asked for
    assert calls(jax.value_and_grad(lambda x: jnp.sum(ops.pool_tail(PAPER, x))), x) == both
    assert calls(slope, x, enabled=False) == calls(slope, x, platform="cpu") == []
    pool = ops.max_pool
    assert calls(pool, x) == ["max_pool"]
    assert calls(partial(pool, size=2), x) == calls(partial(pool, stride=1), x) == []
    for shape in ((BATCH - 1, 9, 9, 16), (0, 9, 9, 16), (BATCH, 9, 9, 0), (9, 9, 16)):
        assert calls(pool, images(*shape)) == []
    assert calls(pool, images(2, BATCH // 2, 9, 9, 16)) == ["max_pool"]
    assert calls(pool, images(BATCH, 9, 9, 16, dtype="float16")) == []


def test_what_fits() -> None:
    """Blocks of maps that begin at whole registers, windows within a register of zeros on either
    side, and two rows in the memory of the chip."""
    norm = {"k": 2.0, "alpha": 1e-4, "beta": 0.75}
    for n, width, maps, fits in (
        (5, None, 50, True),
        (17, None, 50, True),
        (18, None, 50, False),
        (5, 48, 96, True),
        (5, 50, 100, False),
        (5, None, 2000, False),
    ):
        tail = ops.Tail(norm=ops.Norm(n, width=width, **norm))
        assert tpu.fits(tail, (55, 55, maps, BATCH), 2) == fits, (n, width, maps)


class Halves:
    """Towers of which this device holds one, with a halo of zeros."""

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x[..., width : x.shape[-1] - width] if width else x


@pytest.mark.parametrize("within", [False, True])
def test_a_tail_of_a_network(within: bool) -> None:
    """Steps that a kernel computes give what they give one by one; the halo is removed once."""
    net = Architecture(
        name="tail",
        layers=(
            Conv("conv1", 8, 3),
            LRN("lrn1", within_tower=within),
            MaxPool("pool1", 3, 2),
            Dense("fc", 2, activation="linear"),
        ),
        image_size=9,
        channels=2,
        classes=2,
    )
    steps = [step for step in program(net) if step.kind in ("activation", "norm", "pool")]
    context: Any = functools.partial(Context, params={}, keys=None, rectify=jax.nn.relu, ops=ops)
    x = jnp.asarray(draw(BATCH, 7, 7, 8, seed=3), "float32")
    one_by_one = run_tail(steps, context(towers=Halves()), x)
    with ops.kernels(True):
        together = run_tail(steps, context(towers=Halves()), x)
    assert one_by_one.shape[-1] == (8 if within else 4)
    np.testing.assert_array_equal(together, one_by_one)


@pytest.mark.parametrize(
    ("preset", "kernels"),
    [
        ("paper", ["normalize_and_pool", "normalize_and_pool", "max_pool"]),
        ("source2012", ["normalize_and_pool", "max_pool", "max_pool"]),
        ("caffenet", ["max_pool", "max_pool", "max_pool"]),
        ("caffe_alexnet", ["normalize_and_pool", "normalize_and_pool", "max_pool"]),
    ],
)
def test_kernels_of_the_presets(preset: str, kernels: list[str]) -> None:
    net = architecture(preset, until="pool5")
    params = {
        placed.layer.name: {
            "kernel": images(*placed.kernel),
            "bias": images(placed.kernel[-1]),
        }
        for placed in net.placed()
        if placed.kernel
    }
    assert calls(partial(forward, net), params, images(BATCH, *net.input_shape)) == kernels
