"""The arrays of an ONNX graph, whether they are initializers or outputs of constant operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.weights.arrays import Array

_SHAPES = [(count,) for count in range(1, 5)]  # of the sides of an array, of which a kernel has 4


def graph_arrays(path: Path, graph: Any) -> dict[str, Callable[[], Array]]:
    """Return the arrays of a graph by name, each as a function.

    They are initializers, and outputs of Constant, ConstantOfShape and of Identity of another. A
    function raises InputError if the dtype, shape or value of its array cannot be used.
    """
    arrays: dict[str, Callable[[], Array]] = {
        tensor.name: partial(_array, path, tensor) for tensor in graph.initializer
    }
    for node in graph.node:
        if len(node.output) != 1:
            continue
        value = next((a.t for a in node.attribute if a.name == "value" and a.HasField("t")), None)
        if node.op_type == "Constant" and value is not None:
            arrays[node.output[0]] = partial(_array, path, value)
        elif node.op_type == "ConstantOfShape":
            sides = arrays.get(node.input[0]) if node.input else None
            arrays[node.output[0]] = partial(_filled, path, node, sides, value)
        elif node.op_type == "Identity" and node.input and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    return arrays


def _array(path: Path, tensor: Any) -> Array:
    import onnx

    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: array {tensor.name} has an unknown dtype ({error})") from error

    def read() -> np.ndarray:
        try:
            return onnx.numpy_helper.to_array(tensor)
        except ValueError as error:
            raise InputError(f"{path}: array {tensor.name} is not whole ({error})") from error

    return Array(tuple(tensor.dims), np.dtype(kind).name, read)


def _filled(path: Path, node: Any, sides: Callable[[], Array] | None, value: Any) -> Array:
    """Return the array that a ConstantOfShape makes; without a value it is 0 in float32."""
    label = f"{path}: operation ConstantOfShape {node.name or node.output[0]}"
    of_shape = None if sides is None else sides()
    if of_shape is None or of_shape.dtype != "int64" or of_shape.shape not in _SHAPES:
        raise InputError(f"{label} takes no shape that is in the file")
    shape = tuple(map(int, of_shape.read()))
    fill = Array((), "float32", lambda: np.zeros((), np.float32))
    if value is not None:
        fill = _array(path, value)
    if min(shape) < 0 or math.prod(fill.shape) != 1:
        raise InputError(
            f"{label} has the shape {shape} and values {fill.shape}, expected one value"
        )
    return Array(shape, fill.dtype, lambda: np.full(shape, fill.read().ravel()[0]))
