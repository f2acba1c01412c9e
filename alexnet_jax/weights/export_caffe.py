"""Networks written as .caffemodel files, with layers of Caffe's current format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alexnet_jax.network import LRN, Architecture, Conv, Dense, Dropout, MaxPool
from alexnet_jax.weights.formats.caffe_proto import message


def caffemodel(
    architecture: Architecture, arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> bytes:
    """Return the bytes of a NetParameter: layers chained from the blob "data", and their arrays.

    Args:
      architecture: the network.
      arrays: layer -> kernel (out, in, height, width) or (out, in), and bias; conv1 takes BGR.
    """
    net, below = message("Net")(name=architecture.name), "data"
    for layer in architecture.layers:
        name = layer.name.replace("lrn", "norm").replace("dropout", "drop")
        entry = net.layer.add(name=name, bottom=[below], top=[name])
        match layer:
            case Conv(maps=maps, kernel=side, stride=stride, padding=padding, groups=groups):
                entry.type = "Convolution"
                entry.convolution.num_output, entry.convolution.group = maps, groups
                entry.convolution.kernel_size.append(side)
                entry.convolution.stride.append(stride)
                entry.convolution.pad.append(padding)
            case Dense(units=units):
                entry.type, entry.inner_product.num_output = "InnerProduct", units
            case LRN(n=n, k=k, alpha=alpha, beta=beta):
                entry.type, entry.lrn.local_size = "LRN", n
                entry.lrn.alpha = alpha * n  # Caffe divides it by n
                entry.lrn.beta, entry.lrn.k = beta, k
            case MaxPool(size=size, stride=stride):
                entry.type, entry.pooling.pool = "Pooling", 0
                entry.pooling.kernel_size, entry.pooling.stride = size, stride
            case Dropout(keep=keep):
                entry.type, entry.dropout.dropout_ratio = "Dropout", 1 - keep
        for array in arrays.get(layer.name, ()):
            _fill(entry.blobs.add(), array)
        below = name
        if isinstance(layer, Conv | Dense) and layer.activation == "relu":
            net.layer.add(name=f"relu_{name}", type="ReLU", bottom=[name], top=[name])
    return net.SerializeToString()


def mean_binaryproto(mean: np.ndarray) -> bytes:
    """Return the bytes of a mean file, [1, 3, S, S] in the order blue, green, red.

    Args:
      mean: [S, S, 3] RGB.
    """
    blob = message("Blob")()
    blob.num, (blob.height, blob.width, blob.channels) = 1, mean.shape
    blob.data.append(np.ascontiguousarray(mean.transpose(2, 0, 1)[::-1], "<f4").tobytes())
    return blob.SerializeToString()


def _fill(blob: Any, array: np.ndarray) -> None:
    blob.shape.dim.extend(array.shape)
    # Packed floats are encoded as exactly these bytes.
    blob.data.append(np.ascontiguousarray(array, "<f4").tobytes())
