"""What an outlier does to the forms with fewer multiplications: their docstrings say it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import draw

from alexnet_jax.ops.cpu.circular import circular
from alexnet_jax.ops.cpu.fourier import fourier
from alexnet_jax.ops.cpu.winograd import winograd

OUTLIER = 1e6
SIDE, PLACE = 20, 9


def with_outlier(x: np.ndarray, value: float) -> jax.Array:
    x = x.copy()
    x[0, PLACE, PLACE, 1] = value
    return jnp.asarray(x)


@pytest.mark.parametrize(
    ("form", "kernel_side", "outputs", "inputs"),
    [(winograd, 3, 1, 3), (fourier, 5, 9, 13), (circular, 5, SIDE, SIDE + 4)],
)
def test_an_outlier_disturbs_its_tiles_alone(
    form: Callable[..., jax.Array], kernel_side: int, outputs: int, inputs: int
) -> None:
    """All other outputs keep their bits; the error is relative to the outlier. Winograd's outputs
    depend on what they read alone, like tiles of 1 x 1; Fourier's belong to tiles of 9 x 9, or to
    whole maps."""
    padding = kernel_side // 2
    x = draw(1, SIDE, SIDE, 3).astype("float32")
    kernel = draw(kernel_side, kernel_side, 3, 4).astype("float32")
    convolve = jax.jit(lambda x: form(x, jnp.asarray(kernel), padding=padding))
    disturbed = with_outlier(x, OUTLIER)
    y, plain = (np.asarray(convolve(each))[0] for each in (disturbed, jnp.asarray(x)))
    first = np.arange(SIDE) // outputs * outputs - padding  # first input of each output's tile
    reads = (first <= PLACE) & (first + inputs > PLACE)
    in_tiles = np.outer(reads, reads)
    np.testing.assert_array_equal(y[~in_tiles], plain[~in_tiles])
    error = np.abs(y - reference.conv2d(disturbed, kernel, stride=1, padding=padding)[0])
    assert error.max() < OUTLIER * np.finfo("float32").eps * np.abs(kernel).sum((0, 1, 2)).max()
    found = np.isnan(np.asarray(convolve(with_outlier(x, np.nan)))[0]).any(-1)
    np.testing.assert_array_equal(found, in_tiles)
