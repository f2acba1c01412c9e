"""Forms of normalization and pooling for TPUs and GPUs, computed on a CPU."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close, draw

from alexnet_jax import ops
from alexnet_jax.ops import lrn_forms, pool_forms
from alexnet_jax.ops.lrn_forms import WindowedNorm
from alexnet_jax.ops.window_sums import band_sums, window_sums

CONSTANTS = {"k": 1.5, "alpha": 0.3, "beta": 0.6}


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_forms_of_normalization(dtype: str) -> None:
    """Values and gradients of the references, for windows of even and odd lengths, one longer than
    the maps."""

    def everything(x: jax.Array, g: jax.Array, n: int) -> Any:
        norm = WindowedNorm(((-1, n // 2, (n - 1) // 2),), **CONSTANTS)
        by_product, _ = lrn_forms.value(norm, band_sums, x)
        with_ratio, ratio = lrn_forms.value_and_ratio(norm, x)
        slopes = (
            lrn_forms.gradient_by_products(norm, band_sums, x, x, g),
            lrn_forms.gradient_by_ratio(norm, x, ratio, g),
        )
        return (by_product, with_ratio), slopes

    windows = (2, 5, 8)
    with jax.enable_x64(dtype == "float64"):
        x, g = (jnp.asarray(draw(3, 2, 6, seed=seed), dtype) for seed in (0, 1))
        results = jax.jit(lambda x, g: [everything(x, g, n) for n in windows])(x, g)
    values, slopes = TOLERANCE[dtype]
    for n, (y, dx) in zip(windows, results, strict=True):
        for got in y:
            assert got.dtype == dtype
            assert_close(got, reference.local_response_norm(x, n=n, **CONSTANTS), values)
        for got in dx:
            assert got.dtype == dtype
            assert_close(got, *reference.local_response_norm_vjp(x, g, n=n, **CONSTANTS), slopes)


# height, width, size, stride: as in test_pool.py
GEOMETRIES = [(6, 8, 3, 2), (3, 3, 3, 2), (5, 7, 3, 1), (7, 8, 2, 3), (6, 5, 5, 1), (9, 8, 5, 2)]


def test_forms_of_pooling() -> None:
    """Values and gradients of the reference: every tied maximum has the whole gradient, NaN none;
    rows and columns that no window reads."""

    def everything(size: int, stride: int, x: jax.Array, g: jax.Array) -> tuple[jax.Array, ...]:
        y = pool_forms.maximum_of_windows(size, stride, x)
        forms = (pool_forms.gradient_by_phases, pool_forms.gradient_by_taps)
        return y, *(form(size, stride, x, y, g) for form in forms)

    cases = []
    for height, width, size, stride in GEOMETRIES:
        x = np.round(draw(2, height, width, 3))
        x[0, 1, 1, 0], x[1, 2, 2, 1] = np.nan, -np.inf
        g = draw(*reference.max_pool(x, size=size, stride=stride).shape, seed=1)
        cases.append((x, g))

    @jax.jit
    def compute(cases: Any) -> Any:
        return [
            everything(size, stride, *case)
            for (_, _, size, stride), case in zip(GEOMETRIES, cases, strict=True)
        ]

    with jax.enable_x64(True):
        results = compute(cases)
    for (*_, size, stride), (x, g), (y, *gradients) in zip(GEOMETRIES, cases, results, strict=True):
        geometry = {"size": size, "stride": stride}
        np.testing.assert_array_equal(y, reference.max_pool(x, **geometry))
        for dx in gradients:
            assert_close(dx, *reference.max_pool_vjp(x, g, **geometry), TOLERANCE["float64"][1])


def gradients_text(platform: str) -> str:
    """A normalization and a pooling with their gradients, lowered for a platform."""

    def slope(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(ops.max_pool(ops.local_response_norm(x))))(x)

    traced = jax.jit(slope).trace(jax.ShapeDtypeStruct((4, 9, 9, 8), "bfloat16"))
    return traced.lower(lowering_platforms=(platform,)).as_text()


def test_each_platform_has_its_forms() -> None:
    """Products and XLA's windows on a TPU; on a GPU a stored ratio, in bfloat16; neither on a CPU,
    whose gradient holds the terms of the window sum in float32."""
    tpu, cuda, cpu = (gradients_text(platform) for platform in ("tpu", "cuda", "cpu"))
    assert tpu.count("stablehlo.dot_general") == 3
    assert tpu.count("stablehlo.reduce_window") == 1
    for text in (cuda, cpu):
        assert "dot_general" not in text
        assert "reduce_window" not in text
    held = "tensor<4x9x9x8xf32>"
    barriers = [[line for line in text.splitlines() if "barrier" in line] for text in (cuda, cpu)]
    assert [any(held in line for line in lines) for lines in barriers] == [False, True]


def test_sums_by_products_and_by_slices_agree() -> None:
    """To rounding, where the window is longer than the axis, too."""
    x = jnp.asarray(draw(2, 5), "float32")
    for before, after in ((0, 0), (2, 1), (7, 0), (0, 9)):
        windows = ((-1, before, after),)
        assert_close(band_sums(x, windows), window_sums(x, windows), 1e-6)
