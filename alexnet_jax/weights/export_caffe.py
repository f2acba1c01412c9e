"""Networks as .caffemodel files, with layers of the present kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alexnet_jax.network import LRN, Architecture, Conv, Dense, Dropout, MaxPool
from alexnet_jax.weights.formats.caffe_proto import message


def caffemodel(
    architecture: Architecture, arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> bytes:
    """The bytes of a NetParameter: layers chained from the blob "data", and their arrays.

    Args:
      arrays: layer -> kernel (out, in, height, width) or (out, in), and bias; conv1 for BGR.
    """
    net, below = message("Net")(name=architecture.name), "data"
    for layer in architecture.layers:
        name = layer.name.replace("lrn", "norm").replace("dropout", "drop")
        made = net.layer.add(name=name, bottom=[below], top=[name])
        match layer:
            case Conv(maps=maps, kernel=side, stride=stride, padding=padding, groups=groups):
                made.type = "Convolution"
                made.convolution.num_output, made.convolution.group = maps, groups
                made.convolution.kernel_size.append(side)
                made.convolution.stride.append(stride)
                made.convolution.pad.append(padding)
            case Dense(maps=maps):
                made.type, made.inner_product.num_output = "InnerProduct", maps
            case LRN(n=n, k=k, alpha=alpha, beta=beta):
                made.type, made.lrn.local_size = "LRN", n
                made.lrn.alpha, made.lrn.beta, made.lrn.k = alpha * n, beta, k  # Caffe divides by n
            case MaxPool(size=size, stride=stride):
                made.type, made.pooling.pool = "Pooling", 0
                made.pooling.kernel_size, made.pooling.stride = size, stride
            case Dropout(keep=keep):
                made.type, made.dropout.dropout_ratio = "Dropout", 1 - keep
        for array in arrays.get(layer.name, ()):
            _fill(made.blobs.add(), array)
        below = name
        if isinstance(layer, Conv | Dense) and layer.activation == "relu":
            net.layer.add(name=f"relu_{name}", type="ReLU", bottom=[name], top=[name])
    return net.SerializeToString()


def mean_binaryproto(mean: np.ndarray) -> bytes:
    """The bytes of a mean file, [1, 3, S, S] in the order blue, green, red, of [S, S, 3] RGB."""
    blob = message("Blob")()
    blob.num, (blob.height, blob.width, blob.channels) = 1, mean.shape
    blob.data.append(np.ascontiguousarray(mean.transpose(2, 0, 1)[::-1], "<f4").tobytes())
    return blob.SerializeToString()


def _fill(blob: Any, array: np.ndarray) -> None:
    blob.shape.dim.extend(array.shape)
    # Packed floats and these bytes are the same on the wire.
    blob.data.append(np.ascontiguousarray(array, "<f4").tobytes())
