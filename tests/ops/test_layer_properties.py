"""The layers on any shapes and options: the documented shape and dtype, or an error by name."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alexnet_jax import ops

FEW = settings(max_examples=20, deadline=None, derandomize=True)
SIDES = st.integers(0, 6)
SHAPES = st.lists(SIDES, max_size=5).map(tuple)
DTYPES = st.sampled_from(["float32", "bfloat16", "float16", "int32", "uint8", "bool"])
FLOATING = {"float32", "bfloat16", "float16"}
WHOLE = st.integers(-1, 5)
NUMBERS = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, float("nan"), float("inf")])


def array(shape: tuple[int, ...], dtype: str) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def shape_of(call: Callable[..., Any], *arrays: Any) -> tuple[tuple[int, ...], str] | None:
    """Shape and dtype of the result, traced without computing; None where it is refused.

    Where something is empty it is computed as well: there the compiler may refuse it, too.
    """
    try:
        found = jax.eval_shape(call, *arrays)
        if any(0 in array.shape for array in arrays):
            assert call(*(jnp.zeros(array.shape, array.dtype) for array in arrays)).shape == (
                found.shape
            )
    except (ValueError, TypeError) as error:
        if str(error).partition(":")[0] not in LAYERS:
            raise  # none of ours: those begin with the layer
        return None
    return found.shape, str(found.dtype)


LAYERS = {
    "max_pool", "local_response_norm", "dense", "dropout", "conv2d", "softmax", "cross_entropy",
}  # fmt: skip


@FEW
@given(shape=SHAPES, dtype=DTYPES, size=WHOLE, stride=WHOLE)
def test_max_pool(shape: tuple[int, ...], dtype: str, size: int, stride: int) -> None:
    found = shape_of(lambda x: ops.max_pool(x, size=size, stride=stride), array(shape, dtype))
    good = dtype in FLOATING and size >= 1 and stride >= 1 and len(shape) >= 3
    good = good and min(shape[-3:-1]) >= size
    assert (found is not None) == good
    if found is not None:
        rows, columns = ((side - size) // stride + 1 for side in shape[-3:-1])
        assert found == ((*shape[:-3], rows, columns, shape[-1]), dtype)


@FEW
@given(shape=SHAPES, dtype=DTYPES, n=WHOLE, k=NUMBERS, alpha=NUMBERS, beta=NUMBERS)
def test_local_response_norm(
    shape: tuple[int, ...], dtype: str, n: int, k: float, alpha: float, beta: float
) -> None:
    call = lambda x: ops.local_response_norm(x, n=n, k=k, alpha=alpha, beta=beta)  # noqa: E731
    found = shape_of(call, array(shape, dtype))
    good = dtype in FLOATING and len(shape) >= 1 and n >= 1
    good = good and 0 < k < 9 and 0 <= alpha < 9 and -9 < beta < 9
    assert (found is not None) == good
    assert found in (None, (shape, dtype))


@FEW
@given(shape=SHAPES, dtype=DTYPES, keep=NUMBERS, mask=st.none() | SHAPES)
def test_dropout(
    shape: tuple[int, ...], dtype: str, keep: float, mask: tuple[int, ...] | None
) -> None:
    drawn = [] if mask is None else [array(mask, "bool")]
    call = lambda x, *m: ops.dropout(x, m[0] if m else None, keep=keep)  # noqa: E731
    found = shape_of(call, array(shape, dtype), *drawn)
    assert (found is not None) == (dtype in FLOATING and 0 < keep <= 1 and mask in (None, shape))
    assert found in (None, (shape, dtype))


@FEW
@given(x=SHAPES, kernel=SHAPES, dtypes=st.tuples(DTYPES, DTYPES), bias=st.none() | SIDES)
def test_dense(
    x: tuple[int, ...], kernel: tuple[int, ...], dtypes: tuple[str, str], bias: int | None
) -> None:
    more = [] if bias is None else [array((bias,), dtypes[0])]
    found = shape_of(ops.dense, array(x, dtypes[0]), array(kernel, dtypes[1]), *more)
    good = dtypes[0] == dtypes[1] and dtypes[0] in FLOATING and len(x) >= 1 and len(kernel) == 2
    good = good and x[-1] == kernel[0] and bias in (None, kernel[1])
    assert (found is not None) == good
    assert found is None or found == ((*x[:-1], kernel[1]), dtypes[0])


@settings(FEW, max_examples=60)
@given(
    lead=st.lists(st.integers(0, 2), max_size=2).map(tuple),
    sides=st.tuples(SIDES, SIDES),
    kernel=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    maps=st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 4)),
    bias=st.none() | st.integers(0, 4),
    stride=st.integers(0, 2),
    padding=st.integers(-1, 2),
)
@example((2,), (0, 3), (1, 1), (1, 1, 2), None, 1, 1)
@example((2,), (3, 3), (0, 1), (1, 1, 2), None, 1, 0)
@example((0,), (3, 3), (2, 2), (2, 1, 2), 2, 2, 1)
@example((2,), (3, 3), (2, 2), (1, 1, 0), 0, 1, 0)
def test_conv2d(
    lead: tuple[int, ...],
    sides: tuple[int, int],
    kernel: tuple[int, int],
    maps: tuple[int, int, int],
    bias: int | None,
    stride: int,
    padding: int,
) -> None:
    """With zero to two leading axes; maps are those of the input, the kernel and the output."""
    arrays = [array((*lead, *sides, maps[0]), "float32"), array((*kernel, *maps[1:]), "float32")]
    arrays += [] if bias is None else [array((bias,), "float32")]
    call = lambda *found: ops.conv2d(*found, stride=stride, padding=padding)  # noqa: E731
    found = shape_of(call, *arrays)
    good = 0 not in (*sides, *kernel, *maps[:2], stride) and padding >= 0
    good = good and maps[0] % maps[1] == 0 and maps[2] % (maps[0] // maps[1]) == 0
    good = good and bias in (None, maps[2])
    good = good and all(k <= n + 2 * padding for k, n in zip(kernel, sides, strict=True))
    assert (found is not None) == good
    if found is not None:
        out = [(n + 2 * padding - k) // stride + 1 for k, n in zip(kernel, sides, strict=True)]
        assert found == ((*lead, *out, maps[2]), "float32")


@FEW
@given(shape=SHAPES, dtype=DTYPES)
@example((3, 0), "float32")
@example((0, 3), "bfloat16")
def test_softmax(shape: tuple[int, ...], dtype: str) -> None:
    found = shape_of(ops.softmax, array(shape, dtype))
    assert (found is not None) == (dtype in FLOATING and len(shape) >= 1 and shape[-1] > 0)
    assert found in (None, (shape, dtype))


@FEW
@given(shape=SHAPES, dtype=DTYPES, targets=st.none() | st.tuples(SHAPES, DTYPES))
@example((3, 0), "float32", None)
@example((0, 3), "float32", None)
@example((2, 3), "bfloat16", ((2, 3), "float32"))
def test_cross_entropy(
    shape: tuple[int, ...], dtype: str, targets: tuple[tuple[int, ...], str] | None
) -> None:
    """Targets of any shape and dtype; else labels that fit."""
    which, kind = targets or (shape[:-1], "int32")
    found = shape_of(ops.cross_entropy, array(shape, dtype), array(which, kind))
    good = dtype in FLOATING and len(shape) >= 1 and shape[-1] > 0
    good = good and (
        (kind in ("int32", "uint8") and which == shape[:-1])
        or (kind in FLOATING and which == shape)
    )
    assert (found is not None) == good
    assert found in (None, (shape[:-1], "float32"))


def test_a_refusal_by_the_library_is_none_of_ours() -> None:
    with pytest.raises(TypeError):
        shape_of(lambda x: x @ jnp.ones((3, 3)), array((2,), "float32"))
