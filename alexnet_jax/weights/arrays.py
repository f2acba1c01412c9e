"""Arrays that a file of weights holds, and their way into the parameters of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from alexnet_jax.checkpoints import contiguous
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Placed

Layout = Literal["OIHW", "HWIO"]
Params = dict[str, dict[str, np.ndarray]]
FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Array:
    """An array in a file. `read` brings its numbers, and may raise InputError."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


def params_of(
    architecture: Architecture,
    arrays: Mapping[str, Array],
    names: Mapping[str, tuple[str, str]],
    layout: Layout,
) -> Params:
    """The canonical parameters of a network out of a file's arrays, in float32.

    All names and shapes are compared before a number is read, so that what a file takes in memory
    is bounded by the network.

    Args:
      architecture: what the file should hold.
      arrays: by the file's names.
      names: layer -> the file's names of its kernel and its bias.
      layout: "OIHW", kernels (out, in, height, width) and (out, in) over maps in the order map,
        height, width, as in PyTorch, Caffe and ONNX; "HWIO", as here.

    Raises:
      InputError: an array is missing, not expected, of another shape, not floating, or holds
        values that are not finite.
    """
    wanted = _wanted(architecture, names, layout)
    for name, (_, _, shape) in wanted.items():
        if name not in arrays:
            raise InputError(
                f"array {name} is missing, expected {_text(shape)} for {architecture.name}; "
                f"found {_some(arrays)}"
            )
    for name, array in arrays.items():
        if name not in wanted:
            raise InputError(
                f"array {name} {_text(array.shape)} has no place in {architecture.name}, which "
                f"expects {_some(wanted)}"
            )
    for name, (_, _, shape) in wanted.items():
        found = arrays[name]
        if found.shape != shape:
            raise InputError(
                f"array {name} should be {_text(shape)} for {architecture.name}, found "
                f"{_text(found.shape)}"
            )
        if found.dtype not in FLOATS:
            raise InputError(f"array {name} should be floating point, found {found.dtype}")
    params: Params = {}
    for name, (placed, part, _) in wanted.items():
        value = _finite(name, arrays[name].read())
        if part == "kernel" and layout == "OIHW":
            value = contiguous(_turned(value, placed), -1).reshape(placed.kernel or ())
        else:
            value = np.array(value, order="C")  # never a view of the file, which may change
        params.setdefault(placed.layer.name, {})[part] = value
    return params


def _wanted(
    architecture: Architecture, names: Mapping[str, tuple[str, str]], layout: Layout
) -> dict[str, tuple[Placed, str, tuple[int, ...]]]:
    """What a file should hold: its name -> (layer, "kernel" or "bias", shape)."""
    wanted = {}
    for placed in architecture.placed():
        if placed.kernel is not None:
            kernel, bias = names[placed.layer.name]
            shape = _reversed(placed.kernel) if layout == "OIHW" else placed.kernel
            wanted[kernel] = (placed, "kernel", shape)
            wanted[bias] = (placed, "bias", placed.kernel[-1:])
    return wanted


def _reversed(kernel: tuple[int, ...]) -> tuple[int, ...]:
    """(H, W, I, O) -> (O, I, H, W); (I, O) -> (O, I)."""
    return (*kernel[:-3:-1], *kernel[:-2])


def _finite(name: str, found: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # told of below
        value = found.astype(np.float32, copy=False)
        ends = [value.min(), value.max()] if value.size else []  # NaN, where there is one
    if not np.isfinite(ends).all():
        raise InputError(f"array {name} holds values that are not finite in float32")
    return value


def _turned(value: np.ndarray, placed: Placed) -> np.ndarray:
    """A view of a kernel in the layout OIHW as HWIO, (in, out), or (height, width, map, out)."""
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    if len(placed.input) == 1:
        return value.T
    height, width, maps = placed.input
    return value.reshape(-1, maps, height, width).transpose(2, 3, 1, 0)


def turned_back(kernel: np.ndarray, placed: Placed) -> np.ndarray:
    """A kernel of ours in the layout OIHW: the inverse of what `params_of` does."""
    if kernel.ndim == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if len(placed.input) == 1:
        return np.ascontiguousarray(kernel.T)
    maps = kernel.reshape(*placed.input, -1).transpose(3, 2, 0, 1)
    return np.ascontiguousarray(maps.reshape(kernel.shape[-1], -1))


def classes_in(arrays: Mapping[str, Array], bias: str) -> int | None:
    """How many outputs a file's classifier has, by its bias; None where that tells nothing."""
    found = arrays.get(bias)
    return found.shape[0] if found is not None and len(found.shape) == 1 else None


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"


def _some(names: Mapping[str, object]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
