"""Weights of Caffe: .caffemodel files with layers of the current or the legacy format."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import LRN, Architecture, Conv, Dense, Dropout, MaxPool, Placed, presets
from alexnet_jax.weights.arrays import Array, classes_in
from alexnet_jax.weights.formats.caffe_proto import V1_TYPES, message, parse
from alexnet_jax.weights.weights import Layers

_MOST = 2 << 30  # bytes, protobuf's limit
# Types of layers around the network: inputs, copies, softmax, loss and accuracy.
_IGNORED = (
    "Data", "ImageData", "MemoryData", "HDF5Data", "DummyData", "Input", "Split", "Accuracy",
    "Softmax", "SoftmaxWithLoss",
)  # fmt: skip
# Settings by type of layer that Caffe allows and these networks leave at 0.
_UNUSED = {
    "Convolution": ("pad_h", "pad_w", "kernel_h", "kernel_w", "stride_h", "stride_w"),
    "Pooling": ("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w",
                "global_pooling", "round_mode"),
    "InnerProduct": ("transpose",),
    "ReLU": ("negative_slope",),
}  # fmt: skip
_FIELDS = {"Convolution": "convolution", "Pooling": "pooling", "InnerProduct": "inner_product",
           "ReLU": "relu"}  # fmt: skip
PRESETS: tuple[presets.PresetName, ...] = ("caffe_alexnet", "caffenet")


@dataclass(frozen=True)
class Layer:
    """Layer of a net, in the file's current or legacy format."""

    name: str
    type: str
    said: Any  # the protobuf message


def read_caffe(
    path: Path, layers: Layers | None
) -> tuple[Architecture, dict[str, Array], dict[str, tuple[str, str]]]:
    """Read one of the two BVLC networks from a file.

    The order of normalization and pooling distinguishes the two; every layer's type and constants
    are compared with the preset's.

    Returns:
      The architecture, the arrays by name, "NAME/0" (kernel) and "NAME/1" (bias), and a table from
      our layers to these names.

    Raises:
      InputError: the file is not a .caffemodel, is cut short, or contains another network; the
        message names the layer that differs.
    """
    if path.stat().st_size > _MOST:
        raise InputError(f"{path} is larger than the 2 GiB that such files can have")
    message("Net")  # fails without protobuf, before the file is read
    net = parse("Net", path.read_bytes(), path)
    network = [layer for layer in _layers(net) if layer.type not in _IGNORED]
    if not network:
        raise InputError(f"{path} holds no layers of a network")
    kinds = [layer.type for layer in network]
    preset: presets.PresetName = "caffenet"
    if "LRN" in kinds and "Pooling" in kinds and kinds.index("LRN") < kinds.index("Pooling"):
        preset = "caffe_alexnet"
    parametric = [layer for layer in network if layer.type in ("Convolution", "InnerProduct")]
    titles = [layer.name for layer in parametric]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise InputError(f"{path} has two layers called {twice.pop()}")
    arrays = {
        f"{layer.name}/{number}": _array(layer, number, blob)
        for layer in parametric
        for number, blob in enumerate(layer.said.blobs)
    }
    classes = classes_in(arrays, f"{parametric[-1].name}/1") if parametric else None
    architecture = presets.architecture(preset, classes=classes, layers=layers)
    _require_like(path, network, architecture)
    ours = (p.layer.name for p in architecture.placed() if p.kernel is not None)
    names = {
        our: (f"{layer.name}/0", f"{layer.name}/1")
        for our, layer in zip(ours, parametric, strict=True)
    }
    return architecture, arrays, names


def _layers(net: Any) -> Iterator[Layer]:
    for layer in net.layer:
        yield Layer(layer.name, layer.type, layer)
    for layer in net.layers:
        kind = V1_TYPES.get(layer.type, f"legacy type {layer.type}")
        yield Layer(layer.name, kind, layer)


def _array(layer: Layer, number: int, blob: Any) -> Array:
    shape = blob_shape(blob)
    rank = {("Convolution", 0): 4, ("InnerProduct", 0): 2}.get((layer.type, number), 1)
    while len(shape) > rank and shape[0] == 1:  # the legacy format always has four sides
        shape = shape[1:]
    return Array(shape, "float32", lambda: blob_numbers(blob, f"{layer.name}/{number}", shape))


def blob_shape(blob: Any) -> tuple[int, ...]:
    """Return a blob's shape: the one it states, or its four legacy sides."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    return (blob.num, blob.channels, blob.height, blob.width)


def blob_numbers(blob: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a blob's values; InputError if their count does not match `shape`."""
    double = bool(blob.double_data) and not blob.data
    dtype: np.dtype[Any] = np.dtype("<f8" if double else "<f4")
    parts = [
        np.frombuffer(part[: len(part) // dtype.itemsize * dtype.itemsize], dtype)
        for part in (blob.double_data if double else blob.data)
    ]
    flat = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, dtype), *parts])
    if min(shape, default=0) < 0 or flat.size != math.prod(shape):
        sides = "x".join(map(str, shape))
        raise InputError(f"array {name} should have the numbers of {sides}, found {flat.size}")
    return flat.reshape(shape)


def _expected(architecture: Architecture) -> Iterator[tuple[str, Placed]]:
    """Yield Caffe's type of each layer of a network, in order."""
    kinds = {Conv: "Convolution", LRN: "LRN", MaxPool: "Pooling", Dropout: "Dropout"}
    for placed in architecture.placed():
        yield kinds.get(type(placed.layer), "InnerProduct"), placed
        if isinstance(placed.layer, Conv | Dense) and placed.layer.activation == "relu":
            yield "ReLU", placed


def _require_like(path: Path, layers: list[Layer], architecture: Architecture) -> None:
    expected = list(_expected(architecture))
    for number, (kind, placed) in enumerate(expected):
        if number >= len(layers):
            raise InputError(
                f"{path} ends before {placed.layer.name} ({kind}) of {architecture.name}"
            )
        layer = layers[number]
        if layer.type != kind:
            raise InputError(
                f"{path}: layer {layer.name} is {layer.type}, expected {kind} as "
                f"{placed.layer.name} of {architecture.name}"
            )
        for setting, (value, preset) in (_constants(layer, placed) | _unused(layer)).items():
            if value != preset:
                raise InputError(
                    f"{path}: layer {layer.name} has {setting} {value:g}, expected {preset:g} for "
                    f"{architecture.name}"
                )
    if len(layers) > len(expected):
        more = layers[len(expected)]
        raise InputError(
            f"{path}: layer {more.name} ({more.type}) has no place in {architecture.name}"
        )


def _constants(layer: Layer, placed: Placed) -> dict[str, tuple[float, float]]:
    """Return (value, expected) of the settings that a layer's arrays do not show.

    A setting that the file omits has Caffe's default.
    """
    described = layer.said
    match placed.layer:
        case Conv(stride=stride, padding=padding, groups=groups) if layer.type == "Convolution":
            own = described.convolution
            return {
                "stride": (_spatial(own.stride, 1), stride),
                "pad": (_spatial(own.pad, 0), padding),
                "group": (own.group or 1, groups),
                "dilation": (_spatial(own.dilation, 1), 1),
            }
        case LRN(n=n, k=k, alpha=alpha, beta=beta):
            own = described.lrn
            return {
                "norm_region": (own.norm_region, 0),
                "local_size": (_value(own, "local_size", 5), n),
                "k": (_value(own, "k", 1.0), k),
                "alpha": (_value(own, "alpha", 1.0), _float32(alpha * n)),
                "beta": (_value(own, "beta", 0.75), _float32(beta)),
            }
        case MaxPool(size=size, stride=stride):
            own = described.pooling
            return {
                "pool": (own.pool, 0),
                "kernel_size": (own.kernel_size, size),
                "stride": (_value(own, "stride", 1), stride),
                "pad": (own.pad, 0),
            }
    return {}


def _unused(layer: Layer) -> dict[str, tuple[float, float]]:
    """Return (value, 0) of the settings that these networks do not use."""
    own = getattr(layer.said, _FIELDS[layer.type]) if layer.type in _FIELDS else None
    return {name: (getattr(own, name), 0) for name in _UNUSED.get(layer.type, ())}


def _spatial(values: Any, default: int) -> int:
    """Return a spatial setting that is the same for all axes, or -1 if it is not."""
    if not values:
        return default
    return values[0] if len(set(values)) == 1 else -1


def _value(message: Any, field: str, default: float) -> float:
    return getattr(message, field) if message.HasField(field) else default


def _float32(value: float) -> float:
    return float(np.float32(value))


def read_mean(path: Path) -> np.ndarray:
    """Read a mean file, .binaryproto or .npy, as [S, S, 3] RGB.

    The file contains [3, S, S] in the order blue, green, red.

    Raises:
      InputError: the file is neither, or does not have three square channels.
    """
    if path.suffix == ".npy":
        try:
            mean = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise InputError(f"{path} is not a .npy file of numbers ({error})") from error
    else:
        message("Blob")
        blob = parse("Blob", path.read_bytes(), path)
        mean = blob_numbers(blob, "mean", blob_shape(blob))
    if mean.ndim == 4 and mean.shape[0] == 1:
        mean = mean[0]
    if mean.ndim != 3 or mean.shape[0] != 3 or mean.shape[1] != mean.shape[2]:
        sides = "x".join(map(str, mean.shape))
        raise InputError(f"{path} should hold a mean image of 3 x S x S, found {sides}")
    return np.ascontiguousarray(mean[::-1].transpose(1, 2, 0), np.float32)
