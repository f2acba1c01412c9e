"""The operations of an ONNX graph in order, with their attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet_jax.errors import InputError
from alexnet_jax.weights.formats.safetensors import OURS

# Operations that change no logits in test mode, or only the shape of an array.
_SKIPPED = ("Dropout", "Reshape", "Flatten", "Identity", "Softmax")
_KINDS = ("Conv", "Relu", "LRN", "MaxPool", "Gemm")
# Attributes that are read: their type and their number of values.
_ATTRIBUTES = {
    "strides": ("INTS", 2),
    "dilations": ("INTS", 2),
    "kernel_shape": ("INTS", 2),
    "pads": ("INTS", 4),
    "group": ("INT", 1),
    "ceil_mode": ("INT", 1),
    "size": ("INT", 1),
    "transA": ("INT", 1),
    "transB": ("INT", 1),
    "alpha": ("FLOAT", 1),
    "beta": ("FLOAT", 1),
    "bias": ("FLOAT", 1),
    "auto_pad": ("STRING", 1),
}


@dataclass(frozen=True)
class Node:
    """Operation of a graph that corresponds to one in the network's table."""

    kind: str
    name: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]


def load_graph(path: Path) -> Any:
    """Load the graph of a file.

    Raises:
      InputError: the file is not an ONNX file, or this project exported it.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError("ONNX files need onnx: pip install 'alexnet_jax[interop]'") from None
    try:
        model = onnx.load(path)
    except (DecodeError, ValueError, OSError, onnx.checker.ValidationError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path} is not an ONNX file, or is cut short ({first})") from error
    if any(entry.key == OURS for entry in model.metadata_props):
        raise InputError(
            f"{path} was exported by this project, and its mean image is elsewhere; export the "
            "network as safetensors, which hold all"
        )
    graph = model.graph
    if not graph.node:
        raise InputError(f"{path} is not an ONNX file, or is cut short (no operations in it)")
    return graph


def operations(path: Path, graph: Any, weights: set[str]) -> Iterator[Node]:
    """Yield the operations in order, but for those that give the arrays called `weights`.

    Raises:
      InputError: the operations do not form a chain, or one is unknown.
    """
    previous = [value.name for value in graph.input if value.name not in weights][:1]
    flat = ended = False
    for node in graph.node:
        if not node.output:
            raise InputError(f"{path}: operation {node.op_type} {node.name} has no output")
        label = f"{path}: operation {node.op_type} {node.name or node.output[0]}"
        attributes = {a.name: _value(label, a) for a in node.attribute if a.name in _ATTRIBUTES}
        if node.op_type == "Constant" or node.output[0] in weights:
            continue  # an array, or the shape that a Reshape takes
        if not node.input or node.input[0] not in previous:
            raise InputError(f"{label} does not follow the one before")
        previous = [node.output[0]]
        if ended or (flat and node.op_type in ("Conv", "LRN", "MaxPool")):
            raise InputError(f"{label} comes after {'the softmax' if ended else 'a new shape'}")
        flat = flat or node.op_type in ("Reshape", "Flatten")
        ended = node.op_type == "Softmax"
        average = node.op_type == "AveragePool" and attributes.get("kernel_shape") == [1, 1]
        if node.op_type in _SKIPPED or average:
            continue
        if node.op_type not in _KINDS:
            raise InputError(f"{label} has no place in an AlexNet")
        yield Node(node.op_type, label, attributes, tuple(node.input))


def _value(label: str, attribute: Any) -> Any:
    import onnx

    kind, count = _ATTRIBUTES[attribute.name]
    if attribute.type != onnx.AttributeProto.AttributeType.Value(kind):
        raise InputError(f"{label}: {attribute.name} should be of the kind {kind}")
    value = onnx.helper.get_attribute_value(attribute)
    if kind == "INTS" and len(value) != count:
        raise InputError(f"{label}: {attribute.name} should be {count} numbers, got {len(value)}")
    return list(value) if kind == "INTS" else value
