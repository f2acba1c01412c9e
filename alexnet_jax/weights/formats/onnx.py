"""Weights of ONNX files: the bvlcalexnet family of the model zoo, and exports from torchvision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import LRN, Architecture, Conv, Dense, MaxPool, Placed, PresetName, presets
from alexnet_jax.weights.arrays import Array, classes_in
from alexnet_jax.weights.formats.onnx_graph import Node, load_graph, operations
from alexnet_jax.weights.formats.onnx_weights import graph_arrays
from alexnet_jax.weights.weights import Layers

PRESETS: tuple[PresetName, ...] = ("owt", "caffe_alexnet", "caffenet")


def read_onnx(
    path: Path, layers: Layers | None
) -> tuple[Architecture, Layers, dict[str, Array], dict[str, tuple[str, str]]]:
    """Read one of the presets `PRESETS` from a file.

    The order of operations identifies the preset. Strides, groups, pads and constants are compared
    with the preset's; the input's size and the pools' pads are taken from the file.

    Returns:
      The architecture, its changes to the preset, the arrays by name, and a table from our layers
      to the names of their kernel and bias.

    Raises:
      InputError: the file is not an ONNX file, is cut short, or contains another network; the
        message names the operation that differs.
    """
    graph = load_graph(path)
    weights = graph_arrays(path, graph)
    nodes = list(operations(path, graph, set(weights)))
    kinds = [node.kind for node in nodes]
    preset = next((p for p in PRESETS if kinds == _kinds(presets.architecture(p))), None)
    if preset is None:
        raise InputError(
            f"{path} has the operations {' '.join(kinds) or 'of no network'}, which are not those "
            f"of {', '.join(PRESETS)}"
        )
    names, arrays = _arrays(nodes, weights)
    pools = [node for node in nodes if node.kind == "MaxPool"]
    changes = {name: dict(values) for name, values in (layers or {}).items()}
    for name, node in zip(("pool1", "pool2", "pool5"), pools, strict=True):
        if any(node.attributes.get("pads", ())) or node.attributes.get("ceil_mode", 0):
            changes.setdefault(name, {})["overhang"] = True
    architecture = presets.architecture(
        preset,
        image_size=_image_size(graph, set(weights)),
        classes=classes_in(arrays, names["fc8"][1]),
        layers=changes,
    )
    _require_like(path, nodes, architecture)
    return architecture, changes, arrays, names


def _kinds(architecture: Architecture) -> list[str]:
    return [kind for kind, _ in _expected(architecture)]


def _expected(architecture: Architecture) -> Iterator[tuple[str, Placed]]:
    """Yield ONNX's operations for the layers of a network, in order, without dropout."""
    kinds: dict[type, str] = {Conv: "Conv", LRN: "LRN", MaxPool: "MaxPool", Dense: "Gemm"}
    for placed in architecture.placed():
        layer = placed.layer
        if type(layer) in kinds:
            yield kinds[type(layer)], placed
        if isinstance(layer, Conv | Dense) and layer.activation == "relu":
            yield "Relu", placed


def _arrays(
    nodes: list[Node], weights: dict[str, Callable[[], Array]]
) -> tuple[dict[str, tuple[str, str]], dict[str, Array]]:
    ours = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    parametric = [node for node in nodes if node.kind in ("Conv", "Gemm")]
    names: dict[str, tuple[str, str]] = {}
    arrays: dict[str, Array] = {}
    for layer, node in zip(ours, parametric, strict=True):
        if len(node.inputs) != 3:
            raise InputError(f"{node.name} has no bias, expected a kernel and a bias")
        for name in node.inputs[1:]:
            if name not in weights:
                raise InputError(f"{node.name}: array {name} is not in the file")
            arrays[name] = weights[name]()
        names[layer] = (node.inputs[1], node.inputs[2])
        if node.kind == "Gemm":
            arrays[node.inputs[1]] = _for_gemm(node, arrays[node.inputs[1]])
    return names, arrays


def _for_gemm(node: Node, array: Array) -> Array:
    """Return a Gemm's matrix as (out, in); InputError if it scales or transposes its input."""
    for name, plain in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
        if node.attributes.get(name, plain) != plain:
            raise InputError(f"{node.name} has {name} {node.attributes[name]}, expected {plain:g}")
    if node.attributes.get("transB", 0):
        return array
    return Array(array.shape[::-1], array.dtype, lambda: array.read().T)


def _image_size(graph: Any, weights: set[str]) -> tuple[int, int] | None:
    """Return the height and width of the input that the file declares, or None."""
    declared = next((value for value in graph.input if value.name not in weights), None)
    if declared is None:
        return None
    sides = [side.dim_value for side in declared.type.tensor_type.shape.dim]
    if len(sides) != 4 or min(sides[2:]) <= 0:  # not images, or of any size
        return None
    return int(sides[2]), int(sides[3])


def _require_like(path: Path, nodes: list[Node], architecture: Architecture) -> None:
    for node, (_, placed) in zip(nodes, _expected(architecture), strict=True):
        for setting, (value, preset) in _constants(node, placed).items():
            if not np.array_equal(value, preset):
                raise InputError(
                    f"{node.name} has {setting} {value}, expected {preset} as "
                    f"{placed.layer.name} of {architecture.name}"
                )


def _constants(node: Node, placed: Placed) -> dict[str, tuple[Any, Any]]:
    """Return (value, expected) of the attributes that an operation's arrays do not show.

    An attribute that the file omits has ONNX's default.
    """
    own = node.attributes
    match placed.layer:
        case Conv(stride=stride, padding=padding, groups=groups) if node.kind == "Conv":
            return {
                "strides": (list(own.get("strides", [1, 1])), [stride] * 2),
                "pads": (list(own.get("pads", [0] * 4)), [padding] * 4),
                "group": (own.get("group", 1), groups),
                "dilations": (list(own.get("dilations", [1, 1])), [1, 1]),
                "auto_pad": (own.get("auto_pad", b"NOTSET"), b"NOTSET"),
            }
        case LRN(n=n, k=k, alpha=alpha, beta=beta):
            return {
                "size": (own.get("size"), n),
                "bias": (_float32(own.get("bias", 1.0)), _float32(k)),
                "alpha": (_float32(own.get("alpha", 1e-4)), _float32(alpha * n)),
                "beta": (_float32(own.get("beta", 0.75)), _float32(beta)),
            }
        case MaxPool(size=size, stride=stride):
            pads = own.get("pads", [0] * 4)
            sides = _pooled(placed.input[:2], size, stride, pads, own.get("ceil_mode", 0))
            return {
                "kernel_shape": (list(own.get("kernel_shape", ())), [size] * 2),
                "strides": (list(own.get("strides", [1, 1])), [stride] * 2),
                "dilations": (list(own.get("dilations", [1, 1])), [1, 1]),
                "pads at the top and left": (list(pads[:2]), [0, 0]),
                "output of": (sides, placed.output[:2]),
                "auto_pad": (own.get("auto_pad", b"NOTSET"), b"NOTSET"),
            }
    return {}


def _pooled(
    sides: tuple[int, ...], size: int, stride: int, pads: Any, ceil: int
) -> tuple[int, ...]:
    rest = stride - 1 if ceil else 0
    return tuple(
        (side + pads[axis] + pads[axis + 2] - size + rest) // stride + 1
        for axis, side in enumerate(sides)
    )


def _float32(value: float) -> float:
    return float(np.float32(value))
