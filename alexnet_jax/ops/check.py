"""Checks of arguments that the layers share. They run only while a function is traced."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def require_floating(layer: str, **arrays: jax.Array) -> None:
    """Raise TypeError unless every array is floating and all have one dtype."""
    dtypes = {name: jnp.dtype(array.dtype) for name, array in arrays.items()}
    for name, dtype in dtypes.items():
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"{layer}: {name} must be floating point, got {dtype.name}")
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{name} {dtype.name}" for name, dtype in dtypes.items())
        raise TypeError(f"{layer}: all arguments must have one dtype, got {listed}")


def require_rank(layer: str, name: str, array: jax.Array, at_least: int, axes: str) -> None:
    """Raise ValueError if `array` has fewer than `at_least` axes."""
    if array.ndim < at_least:
        raise ValueError(f"{layer}: {name} must have shape {axes}, got {array.shape}")


def require_nonempty(layer: str, name: str, array: jax.Array, axes: slice, element: str) -> None:
    """Raise ValueError if one of these axes of `array` has no elements."""
    if 0 in array.shape[axes]:
        raise ValueError(f"{layer}: {name} must have at least one {element}, got {array.shape}")


def require_whole(layer: str, name: str, value: SupportsIndex, at_least: int) -> int:
    """Return `value` as an int; raise TypeError if it is not one, ValueError if it is too small."""
    if isinstance(value, bool):
        raise TypeError(f"{layer}: {name} must be a whole number, got {value!r}")
    try:
        whole = operator.index(value)
    except TypeError:
        raise TypeError(f"{layer}: {name} must be a whole number, got {value!r}") from None
    if whole < at_least:
        raise ValueError(f"{layer}: {name} must be at least {at_least}, got {whole}")
    return whole


def require_windows(
    layer: str, x: jax.Array, size: SupportsIndex, stride: SupportsIndex
) -> tuple[int, int]:
    """Return size and stride of windows over maps x, [..., H, W, C], as ints.

    Raises:
      TypeError: x not floating, a size or stride that is not whole.
      ValueError: x of too low a rank; size or stride < 1; a window larger than the maps.
    """
    require_floating(layer, x=x)
    require_rank(layer, "x", x, 3, "[..., H, W, C]")
    size = require_whole(layer, "size", size, 1)
    stride = require_whole(layer, "stride", stride, 1)
    if size > min(x.shape[-3:-1]):
        raise ValueError(
            f"{layer}: window of {size}x{size} is larger than maps of {x.shape[-3]}x{x.shape[-2]}"
        )
    return size, stride


def compute_dtype(dtype: DTypeLike) -> jnp.dtype:
    """Return the dtype of sums and powers: float32 for the 16-bit formats, else `dtype`."""
    return jnp.dtype(jnp.float32) if jnp.dtype(dtype).itemsize < 4 else jnp.dtype(dtype)
