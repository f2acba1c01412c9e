"""Checks of arguments that the layers share. They run while tracing and cost nothing after."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


def require_floating(layer: str, **arrays: jax.Array) -> None:
    """Raises TypeError unless every array is floating and all have one dtype."""
    dtypes = {name: jnp.dtype(array.dtype) for name, array in arrays.items()}
    for name, dtype in dtypes.items():
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"{layer}: {name} must be floating point, got {dtype.name}")
    if len(set(dtypes.values())) > 1:
        found = ", ".join(f"{name} {dtype.name}" for name, dtype in dtypes.items())
        raise TypeError(f"{layer}: all arguments must have one dtype, got {found}")


def require_rank(layer: str, name: str, array: jax.Array, at_least: int, axes: str) -> None:
    """Raises ValueError if `array` has fewer than `at_least` axes."""
    if array.ndim < at_least:
        raise ValueError(f"{layer}: {name} must have shape {axes}, got {array.shape}")


def require_some(layer: str, name: str, array: jax.Array, axes: slice, what: str) -> None:
    """Raises ValueError if one of these axes of `array` has no elements."""
    if 0 in array.shape[axes]:
        raise ValueError(f"{layer}: {name} must have at least one {what}, got {array.shape}")


def require_whole(layer: str, name: str, value: SupportsIndex, at_least: int) -> int:
    """Returns `value` as an int; raises TypeError or ValueError if it is not one or too small."""
    if isinstance(value, bool):
        raise TypeError(f"{layer}: {name} must be a whole number, got {value!r}")
    try:
        whole = operator.index(value)
    except TypeError:
        raise TypeError(f"{layer}: {name} must be a whole number, got {value!r}") from None
    if whole < at_least:
        raise ValueError(f"{layer}: {name} must be at least {at_least}, got {whole}")
    return whole


def compute_dtype(dtype: DTypeLike) -> jnp.dtype:
    """The dtype that sums and powers are taken in: float32 for the 16-bit formats, else `dtype`."""
    return jnp.dtype(jnp.float32) if jnp.dtype(dtype).itemsize < 4 else jnp.dtype(dtype)
