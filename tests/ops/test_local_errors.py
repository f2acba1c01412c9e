"""Wrong arguments of average pooling and locally connected layers are errors that name them."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import pytest

from alexnet_jax import ops

X = jnp.zeros((2, 6, 5, 3))
KERNEL = jnp.zeros((4, 3, 3, 3, 3, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (partial(ops.average_pool, X, size=0), ValueError, "size must be at least 1, got 0"),
        (partial(ops.average_pool, X, stride=-1), ValueError, "stride must be at least 1, got -1"),
        (partial(ops.average_pool, X, size=6), ValueError, "window of 6x6 is larger than .* 6x5"),
        (partial(ops.average_pool, X[0, 0]), ValueError, r"must have shape \[..., H, W, C\]"),
        (partial(ops.average_pool, X.astype(int)), TypeError, "must be floating point"),
        (partial(ops.locally_connected, X, KERNEL[0]), ValueError, "kernel must have shape"),
        (partial(ops.locally_connected, X, KERNEL, padding=1), ValueError, r"needs \[6, 5, 3, 3"),
        (partial(ops.locally_connected, X[..., :2], KERNEL), ValueError, "does not fit x"),
        (partial(ops.locally_connected, X, KERNEL, jnp.zeros(2)), ValueError,
         r"bias must have shape \(4, 3, 2\), got \(2,\)"),
        (partial(ops.locally_connected, X, KERNEL, stride=0), ValueError, "stride must be at"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_right_arguments_are_taken() -> None:
    assert ops.locally_connected(X, KERNEL, jnp.zeros((4, 3, 2))).shape == (2, 4, 3, 2)
    assert ops.average_pool(X, overhang=True).shape == (2, 3, 2, 3)
