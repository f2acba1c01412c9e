"""Kernels for TPUs, interpreted on a CPU: values, gradients, and where they are used."""

import functools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.tails import ALONE, BATCH, BLOCKS, PAPER, wanted
from helpers.vjp import value_and_vjp
from jax.experimental import pallas as pl

from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import LRN, Conv, Dense, MaxPool
from alexnet_jax.network.plan import join, plan
from alexnet_jax.network.presets import architecture
from alexnet_jax.network.steps import Context, program
from alexnet_jax.network.tails import Together, run_tail
from alexnet_jax.network.towers import ONE_DEVICE
from alexnet_jax.ops import tpu
from alexnet_jax.ops.by_kernel import pool_by_kernel
from alexnet_jax.ops.tail import pool_layers


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "pallas_call", partial(pl.pallas_call, interpret=True))


def by_kernel(tail: ops.Tail, x: jax.Array, bias: jax.Array) -> jax.Array:
    return pool_by_kernel(tail, partial(pool_layers, tail), x, bias)


@pytest.mark.parametrize(
    ("tail", "sides", "maps", "dtype"),
    [
        pytest.param(PAPER, (7, 8), 74, "float32", id="paper"),
        pytest.param(BLOCKS, (6, 5), 32, "bfloat16", id="blocks"),
        pytest.param(ALONE, (5, 6), 3, "float32", id="pool alone"),
    ],
)
def test_values_and_gradients(
    interpreted: None, tail: ops.Tail, sides: tuple[int, int], maps: int, dtype: str
) -> None:
    """Those of the references in float64; odd and even sides, whose last row no window reads."""
    x = draw(BATCH, *sides, maps)
    x = jnp.asarray(x if tail.norm else np.round(x), dtype)  # ties in nearly every window
    bias = jnp.asarray(np.round(draw(maps, seed=1)), dtype)
    y, dy, (dx, dbias) = value_and_vjp(partial(by_kernel, tail), x, bias)
    assert y.dtype == dx.dtype == dbias.dtype == dtype
    value, slope, sums = wanted(tail, x, bias, dy)
    values, slopes = TOLERANCE[dtype]
    assert_close(y, value, values if tail.norm else 0)
    assert_close(dx, slope, slopes)
    assert_close(dbias, sums, slopes)


def test_nan_infinity_and_zero(interpreted: None) -> None:
    """A NaN passes forward and receives nothing; every tie at zero receives all, unless rectified:
    there the derivative of max(x, 0) is 0. Two blocks of images."""
    x = np.zeros((2 * BATCH, 5, 5, 1), np.float32)
    x[0, 2, 2], x[1, 0, 0], x[2] = np.nan, np.inf, -np.inf
    x[3, 4, 4] = 1
    for tail in (ALONE, ops.Tail(rectify=True)):
        bias = jnp.zeros(1)
        y, dy, (dx, _) = value_and_vjp(partial(by_kernel, tail), jnp.asarray(x), bias)
        value, slope, _ = wanted(tail, jnp.asarray(x), bias, dy)
        np.testing.assert_array_equal(y, value)
        assert_close(dx, slope, TOLERANCE["float32"][1])


def test_the_second_derivative_is_that_of_the_layers(interpreted: None) -> None:
    """Of a function of the value and of the gradient; in reverse mode, the only one that is."""
    x, v = (jnp.asarray(draw(BATCH, 3, 3, 4, seed=seed), "float32") for seed in (0, 1))
    bias = jnp.asarray(draw(4, seed=2), "float32")

    def bend(layer: Any, *arguments: jax.Array) -> Any:
        def product(x: jax.Array, bias: jax.Array) -> jax.Array:
            slope, sums = jax.grad(lambda x, b: jnp.sum(layer(x, b) ** 3), (0, 1))(x, bias)
            return jnp.sum(slope * v) + jnp.sum(sums**2)

        return jax.grad(product, (0, 1))(*arguments)

    by_kernels, by_layers = (
        jax.jit(partial(bend, partial(layer, PAPER)))(x, bias) for layer in (by_kernel, pool_layers)
    )
    for got, want in zip(by_kernels, by_layers, strict=True):
        assert_close(got, want, TOLERANCE["float32"][1])


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
        (5, 8, 96, False),
        (5, None, 2000, False),
    ):
        tail = ops.Tail(norm=ops.Norm(n, width=width, **norm))
        assert tpu.fits(tail, (55, 55, maps, BATCH), 2) == fits, (n, width, maps)


def network(within: bool) -> Architecture:
    """A convolution, a normalization within or across towers, a pooling; images of 9 x 9."""
    return Architecture(
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


class Halves:
    """Towers of which this device holds one, with a halo of zeros."""

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x[..., width : x.shape[-1] - width] if width else x


@pytest.mark.parametrize("within", [False, True])
def test_a_tail_of_a_network(within: bool) -> None:
    """Steps that a kernel computes give what they give one by one; the halo is removed once."""
    net = network(within)
    steps = [step for step in program(net) if step.kind in ("activation", "norm", "pool")]
    context: Any = functools.partial(Context, params={}, keys=None, rectify=jax.nn.relu, ops=ops)
    x = jnp.asarray(draw(BATCH, 7, 7, 8, seed=3), "float32")
    one_by_one = run_tail(steps, context(towers=Halves()), x)
    with ops.kernels(True):
        together = run_tail(steps, context(towers=Halves()), x)
    assert one_by_one.shape[-1] == (8 if within else 4)
    np.testing.assert_array_equal(together, one_by_one)


def test_a_network_with_kernels_is_the_same() -> None:
    """Logits and gradients where the kernels' layers add the bias, to rounding."""
    net = network(within=True)
    params = {
        placed.layer.name: {
            "kernel": jnp.asarray(draw(*placed.kernel, seed=4), "float32"),
            "bias": jnp.asarray(draw(placed.kernel[-1], seed=5), "float32"),
        }
        for placed in net.placed()
        if placed.kernel
    }
    x = jnp.asarray(draw(BATCH, 9, 9, 2), "float32")

    def both(enabled: bool) -> Any:
        def loss(params: Any) -> Any:
            logits = forward(net, params, x)
            return jnp.sum(jnp.sin(logits)), logits

        with ops.kernels(enabled):
            return jax.jit(jax.grad(loss, has_aux=True))(params)

    for got, want in zip(
        *(jax.tree.leaves(both(enabled)) for enabled in (True, False)), strict=True
    ):
        assert_close(got, want, 1e-4)


def test_which_convolutions_leave_their_bias_to_a_kernel() -> None:
    """Those with a tail right behind them: on several devices not before a halo."""
    for preset, alone, divided in (
        ("paper", ["conv1", "conv2", "conv5"], ["conv5"]),
        ("source2012", ["conv1", "conv5"], ["conv1", "conv5"]),
        ("caffenet", ["conv1", "conv2", "conv5"], ["conv1", "conv2", "conv5"]),
    ):
        for towers, names in ((ONE_DEVICE, alone), (Halves(), divided)):
            context: Any = Context({}, towers, None, jax.nn.relu, ops)
            joined = join(plan(program(architecture(preset))), context)
            together = [step for step in joined if isinstance(step, Together)]
            assert [step.placed.layer.name for step in together] == names, preset


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
