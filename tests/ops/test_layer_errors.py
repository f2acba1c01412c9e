"""A wrong argument is an error that names it, eagerly and while tracing."""

import re
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alexnet_jax import ops

EITHER = (ValueError, TypeError)


def zeros(*shape: int, dtype: str = "float32") -> jax.Array:
    return jnp.zeros(shape, dtype)


def shape_or_rank(*shape: int) -> str:
    """A message may show the shape or its length."""
    return rf"{re.escape(str(shape))}|\b{len(shape)}\b"


def number(value: float) -> str:
    """The number by itself, not part of another; a size may be written 9x9."""
    return rf"(?<![a-wyz\d.]){re.escape(str(value))}(?![a-wyz\d]|\.\d)"


IMAGE, KERNEL = zeros(2, 8, 8, 4), zeros(3, 3, 2, 6)

# what: (error, part of the message, call, its array)
WRONG: dict[str, tuple[type | tuple[type, ...], str, Callable, jax.Array]] = {}


def wrong(name: str, error, pattern: str, call: Callable, x: jax.Array = IMAGE) -> None:
    assert name not in WRONG
    WRONG[name] = (error, pattern, call, x)


for n in (0, -3):
    wrong(f"lrn n {n}", ValueError, number(n), partial(ops.local_response_norm, n=n))
for n in (2.5, 5.0, "5", None):
    wrong(f"lrn n {n!r}", EITHER, re.escape(str(n)), partial(ops.local_response_norm, n=n))
for k in (0.0, -2.5):
    wrong(f"lrn k {k}", ValueError, number(k), partial(ops.local_response_norm, k=k))
for keep in (0.0, -0.25, 1.5, float("nan")):
    for mask in (None, jnp.ones(IMAGE.shape, bool)):
        name = f"dropout keep {keep} {'testing' if mask is None else 'training'}"
        call = partial(lambda x, mask, keep: ops.dropout(x, mask, keep=keep), mask=mask, keep=keep)
        wrong(name, ValueError, number(keep), call)
for bad in (0, -2):
    wrong(f"pool size {bad}", ValueError, number(bad), partial(ops.max_pool, size=bad))
    wrong(f"pool stride {bad}", ValueError, number(bad), partial(ops.max_pool, stride=bad))
    call = partial(lambda x, bad: ops.conv2d(x, KERNEL, stride=bad), bad=bad)
    wrong(f"conv stride {bad}", ValueError, number(bad), call)
wrong("conv padding", ValueError, number(-1), lambda x: ops.conv2d(x, KERNEL, padding=-1))

for dtype in ("int32", "bool"):
    integers = {
        "conv": lambda x: ops.conv2d(x, KERNEL),
        "lrn": ops.local_response_norm,
        "pool": ops.max_pool,
        "dense": lambda x: ops.dense(x, zeros(4, 3)),
        "dropout": lambda x: ops.dropout(x, None),
        "softmax": ops.softmax,
        "cross_entropy": lambda x: ops.cross_entropy(x, jnp.zeros((2, 8, 8), "int32")),
    }
    for name, call in integers.items():
        wrong(f"{name} of {dtype}", TypeError, dtype, call, zeros(2, 8, 8, 4, dtype=dtype))
both = "(?s)float32.*bfloat16|bfloat16.*float32"
wrong("conv dtypes", TypeError, both, lambda x: ops.conv2d(x, KERNEL), IMAGE.astype("bfloat16"))
wrong(
    "dense dtypes",
    TypeError,
    both,
    lambda x: ops.dense(x, zeros(4, 3)),
    zeros(2, 4, dtype="bfloat16"),
)

flat, scalar = zeros(8, 8), zeros()
wrong("conv rank", ValueError, shape_or_rank(8, 8), lambda x: ops.conv2d(x, KERNEL), flat)
wrong("pool rank", ValueError, shape_or_rank(8, 8), ops.max_pool, flat)
wrong("lrn rank", ValueError, shape_or_rank(), ops.local_response_norm, scalar)
wrong("softmax rank", ValueError, shape_or_rank(), ops.softmax, scalar)
wrong("dense rank", ValueError, shape_or_rank(), lambda x: ops.dense(x, zeros(4, 3)), scalar)
wrong(
    "cross_entropy rank",
    ValueError,
    shape_or_rank(),
    lambda z: ops.cross_entropy(z, jnp.array(0)),
    scalar,
)
wrong(
    "conv kernel rank", ValueError, shape_or_rank(3, 3, 2), lambda x: ops.conv2d(x, KERNEL[..., 0])
)
wrong("dense kernel rank", ValueError, shape_or_rank(4), lambda x: ops.dense(x, zeros(4)))

wrong("conv channels", ValueError, number(5), lambda x: ops.conv2d(x, KERNEL), zeros(8, 8, 5))
wrong(
    "conv channels below the kernel's",
    ValueError,
    number(1),
    lambda x: ops.conv2d(x, KERNEL),
    zeros(8, 8, 1),
)
wrong("conv output maps", ValueError, number(7), lambda x: ops.conv2d(x, zeros(3, 3, 2, 7)))
wrong("conv kernel too tall", ValueError, number(9), lambda x: ops.conv2d(x, zeros(9, 1, 4, 2)))
wrong("conv kernel too wide", ValueError, number(9), lambda x: ops.conv2d(x, zeros(1, 9, 4, 2)))
wrong(
    "conv kernel too large for the padded input",
    ValueError,
    number(13),
    lambda x: ops.conv2d(x, zeros(13, 13, 4, 2), padding=2),
)
wrong("pool window", ValueError, number(9), partial(ops.max_pool, size=9))
wrong("pool window in width", ValueError, number(5), partial(ops.max_pool, size=5), zeros(8, 4, 1))
wrong("conv bias", EITHER, number(5), lambda x: ops.conv2d(x, KERNEL, zeros(5)))
wrong("conv bias of one", EITHER, shape_or_rank(1), lambda x: ops.conv2d(x, KERNEL, zeros(1)))
wrong("dense bias of one", EITHER, shape_or_rank(1), lambda x: ops.dense(x, zeros(4, 3), zeros(1)))
wrong("dense inputs", EITHER, number(5), lambda x: ops.dense(x, zeros(5, 3)))

logits = zeros(2, 3, 5)
for shape in ((3,), (8, 4), (1, 8, 8, 4), (2, 8, 8, 1)):
    call = partial(lambda x, mask: ops.dropout(x, mask), mask=jnp.ones(shape, bool))
    wrong(f"mask {shape}", ValueError, re.escape(str(shape)), call)
for shape in ((2,), (3, 2), (2, 1), (2, 3, 1), ()):
    call = partial(lambda z, labels: ops.cross_entropy(z, labels), labels=jnp.zeros(shape, "int32"))
    wrong(f"labels {shape}", ValueError, shape_or_rank(*shape), call, logits)
for shape in ((2, 3), (5,), (2, 3, 4), (1, 3, 5), (2, 3, 5, 1)):
    call = partial(lambda z, targets: ops.cross_entropy(z, targets), targets=zeros(*shape))
    wrong(f"targets {shape}", EITHER, shape_or_rank(*shape), call, logits)


@pytest.mark.parametrize(("error", "pattern", "call", "x"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("trace", [False, True], ids=["eager", "tracing"])
def test_names_what_is_wrong(
    trace: bool, error, pattern: str, call: Callable, x: jax.Array
) -> None:
    with pytest.raises(error, match=pattern):
        jax.eval_shape(call, x) if trace else call(x)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ops.conv2d(x, KERNEL, None, 1),
        lambda x: ops.local_response_norm(x, 5),
        lambda x: ops.max_pool(x, 3),
        lambda x: ops.dropout(x, None, 0.5),
    ],
    ids=["conv2d", "local_response_norm", "max_pool", "dropout"],
)
def test_hyperparameters_have_names(call: Callable) -> None:
    with pytest.raises(TypeError, match="positional"):
        call(IMAGE)


@pytest.mark.parametrize("n", [np.int64(5), np.int32(5)])
def test_an_integer_may_be_numpys(n: np.integer) -> None:
    x = jnp.ones((2, 7))
    np.testing.assert_array_equal(ops.local_response_norm(x, n=n), ops.local_response_norm(x))
