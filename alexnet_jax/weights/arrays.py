"""Arrays in a file of weights, and their conversion to the parameters of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from alexnet_jax import network
from alexnet_jax.checkpoints import contiguous_copy
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Local, Placed

Layout = Literal["OIHW", "HWIO"]
Float = Literal["float32", "float16"]  # types of the parameters in an exported file
Params = dict[str, dict[str, np.ndarray]]
FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Array:
    """Array in a file; `read` returns its values, and may raise InputError."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


def of_network(params: Params) -> network.Params:
    """Return parameters on the host as a network's: JAX's functions take NumPy's arrays, too."""
    return cast(network.Params, params)


def params_of(
    architecture: Architecture,
    arrays: Mapping[str, Array],
    names: Mapping[str, tuple[str, str]],
    layout: Layout,
) -> Params:
    """Convert a file's arrays to the canonical parameters of a network, in float32.

    All names and shapes are compared before any values are read, so that the network bounds the
    memory that a file can take.

    Args:
      architecture: the network that the file should contain.
      arrays: arrays by the file's names.
      names: layer -> the file's names of its kernel and its bias.
      layout: layout of the kernels. "OIHW", as in PyTorch, Caffe and ONNX: (out, in, height, width)
        and (out, in), where `in` runs over maps in the order map, height, width. "HWIO": as in this
        project.

    Raises:
      InputError: an array is missing, not expected, of another shape, not floating, or has values
        that are not finite.
    """
    expected = _expected(architecture, names, layout)
    for name, (_, _, shape) in expected.items():
        if name not in arrays:
            raise InputError(
                f"array {name} is missing, expected {_sides(shape)} for {architecture.name}; "
                f"found {_listed(arrays)}"
            )
    for name, array in arrays.items():
        if name not in expected:
            raise InputError(
                f"array {name} {_sides(array.shape)} has no place in {architecture.name}, which "
                f"expects {_listed(expected)}"
            )
    for name, (_, _, shape) in expected.items():
        array = arrays[name]
        if array.shape != shape:
            raise InputError(
                f"array {name} should be {_sides(shape)} for {architecture.name}, found "
                f"{_sides(array.shape)}"
            )
        if array.dtype not in FLOATS:
            raise InputError(f"array {name} should be floating point, found {array.dtype}")
    params: Params = {}
    for name, (placed, part, _) in expected.items():
        value = _finite(name, arrays[name].read())
        if part == "kernel" and layout == "OIHW":
            value = contiguous_copy(_from_oihw(value, placed), -1).reshape(placed.kernel or ())
        else:
            value = np.array(value, order="C")  # never a view of the file, which may change
        params.setdefault(placed.layer.name, {})[part] = value
    return params


def rounded(params: Params, dtype: Float) -> Params:
    """Round float32 parameters to the nearest numbers of `dtype`; the result is float32.

    Raises:
      InputError: a value is beyond the range of `dtype`.
    """
    if dtype == "float32":
        return params
    largest = float(np.finfo(dtype).max)
    for layer, parts in params.items():
        for part, value in parts.items():
            if (most := float(np.abs(value).max(initial=0))) > largest:
                raise InputError(
                    f"{layer}/{part} holds {most:g}, and {dtype} holds up to {largest:g}"
                )
    return {
        layer: {part: value.astype(dtype).astype(np.float32) for part, value in parts.items()}
        for layer, parts in params.items()
    }


def _expected(
    architecture: Architecture, names: Mapping[str, tuple[str, str]], layout: Layout
) -> dict[str, tuple[Placed, str, tuple[int, ...]]]:
    """Return the arrays that a file should contain: name -> (layer, "kernel" or "bias", shape)."""
    expected = {}
    for placed in architecture.placed():
        if placed.kernel is not None:
            kernel, bias = names[placed.layer.name]
            shape = _reversed(placed.kernel) if layout == "OIHW" else placed.kernel
            expected[kernel] = (placed, "kernel", shape)
            expected[bias] = (placed, "bias", placed.bias or ())
    return expected


def _reversed(kernel: tuple[int, ...]) -> tuple[int, ...]:
    """Permute a shape: (H, W, I, O) -> (O, I, H, W); (I, O) -> (O, I)."""
    return (*kernel[:-3:-1], *kernel[:-2])


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # reported below
        value = array.astype(np.float32, copy=False)
        ends = [value.min(), value.max()] if value.size else []  # NaN if any value is NaN
    if not np.isfinite(ends).all():
        raise InputError(f"array {name} holds values that are not finite in float32")
    return value


def _from_oihw(value: np.ndarray, placed: Placed) -> np.ndarray:
    """Return an OIHW kernel as a view in HWIO, (in, out), or (height, width, map, out)."""
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    if len(placed.input) == 1:
        return value.T
    height, width, maps = placed.input
    return value.reshape(-1, maps, height, width).transpose(2, 3, 1, 0)


def to_oihw(kernel: np.ndarray, placed: Placed) -> np.ndarray:
    """Return a canonical kernel in the layout OIHW; `params_of` does the inverse.

    That of a locally connected layer becomes [H' W', K K C, M].
    """
    if isinstance(placed.layer, Local):
        rows, columns, count = placed.output
        return np.ascontiguousarray(kernel.reshape((rows * columns, -1, count)))
    if kernel.ndim == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if len(placed.input) == 1:
        return np.ascontiguousarray(kernel.T)
    maps = kernel.reshape(*placed.input, -1).transpose(3, 2, 0, 1)
    return np.ascontiguousarray(maps.reshape(kernel.shape[-1], -1))


def classes_in(arrays: Mapping[str, Array], bias: str) -> int | None:
    """Return the number of a classifier's outputs by its bias; None if that is not a vector."""
    array = arrays.get(bias)
    return array.shape[0] if array is not None and len(array.shape) == 1 else None


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _listed(names: Mapping[str, object]) -> str:
    """Return the first four names in words, and how many more there are."""
    ordered = sorted(names)
    return ", ".join(ordered[:4]) + (f" and {len(ordered) - 4} more" if len(ordered) > 4 else "")
