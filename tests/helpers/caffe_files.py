"""Caffe's files as Caffe writes them: messages with packed floats, of its public description."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTION = """
BlobShape: dim*[int64]=1
BlobProto: num[int64]=1 channels[int64]=2 height[int64]=3 width[int64]=4 data*[float]=5 diff*[float]=6 shape[BlobShape]=7 double_data*[double]=8
ConvolutionParameter: num_output[uint32]=1 pad*[uint32]=3 kernel_size*[uint32]=4 group[uint32]=5 stride*[uint32]=6 pad_h[uint32]=9 stride_w[uint32]=14 dilation*[uint32]=18
InnerProductParameter: num_output[uint32]=1 transpose[bool]=6
ReLUParameter: negative_slope[float]=1
DropoutParameter: dropout_ratio[float]=1
LRNParameter: local_size[uint32]=1 alpha[float]=2 beta[float]=3 norm_region[int32]=4 k[float]=5
PoolingParameter: pool[int32]=1 kernel_size[uint32]=2 stride[uint32]=3 pad[uint32]=4 kernel_h[uint32]=5 global_pooling[bool]=12 round_mode[int32]=13
LayerParameter: name[string]=1 type[string]=2 bottom*[string]=3 top*[string]=4 blobs*[BlobProto]=7 phase[int32]=10 convolution_param[ConvolutionParameter]=106 dropout_param[DropoutParameter]=108 inner_product_param[InnerProductParameter]=117 lrn_param[LRNParameter]=118 pooling_param[PoolingParameter]=121 relu_param[ReLUParameter]=123
V1LayerParameter: bottom*[string]=2 top*[string]=3 name[string]=4 type[int32]=5 blobs*[BlobProto]=6 convolution_param[ConvolutionParameter]=10 dropout_param[DropoutParameter]=12 inner_product_param[InnerProductParameter]=17 lrn_param[LRNParameter]=18 pooling_param[PoolingParameter]=19 relu_param[ReLUParameter]=30
NetParameter: name[string]=1 layers*[V1LayerParameter]=2 layer*[LayerParameter]=100
"""  # noqa: E501
V1_TYPES = {"Convolution": 4, "Data": 5, "Dropout": 6, "ImageData": 12,
            "InnerProduct": 14, "LRN": 15, "Pooling": 17, "ReLU": 18, "SoftmaxWithLoss": 21,
            "Split": 22}  # fmt: skip
Layer = tuple[str, str, dict[str, Any]]


@functools.cache
def message(name: str) -> Any:
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for line in DESCRIPTION.strip().splitlines():
        title, _, fields = line.partition(": ")
        described = file.message_type.add(name=title)
        for field in fields.split():
            head, _, number = field.partition("=")
            word, _, type_name = head.rstrip("]").partition("[")
            repeated = word.endswith("*")
            added = described.field.add(name=word.rstrip("*"), number=int(number))
            added.label = kind.LABEL_REPEATED if repeated else kind.LABEL_OPTIONAL
            if type_name[0].isupper():
                added.type, added.type_name = kind.TYPE_MESSAGE, f".caffe.{type_name}"
            else:
                added.type = getattr(kind, f"TYPE_{type_name.upper()}")
                added.options.packed = type_name in ("float", "double") and repeated
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))


def layers(preset: str) -> list[Layer]:
    """The layers of train_val.prototxt of bvlc_alexnet or CaffeNet, test phase's left out."""
    lrn = {"local_size": 5, "alpha": 1e-4, "beta": 0.75}
    pool = {"pool": 0, "kernel_size": 3, "stride": 2}
    found: list[Layer] = [("data", "Data", {}), ("label_data_1_split", "Split", {})]
    convolutions = {
        1: {"kernel_size": 11, "stride": 4},
        2: {"kernel_size": 5, "pad": 2, "group": 2},
        3: {"kernel_size": 3, "pad": 1},
        4: {"kernel_size": 3, "pad": 1, "group": 2},
        5: {"kernel_size": 3, "pad": 1, "group": 2},
    }
    for number, settings in convolutions.items():
        found += [(f"conv{number}", "Convolution", settings), (f"relu{number}", "ReLU", {})]
        norm, pooling = (f"norm{number}", "LRN", lrn), (f"pool{number}", "Pooling", pool)
        if number < 3:
            found += [norm, pooling] if preset == "caffe_alexnet" else [pooling, norm]
    found.append(("pool5", "Pooling", pool))
    for number in (6, 7):
        found += [(f"fc{number}", "InnerProduct", {}), (f"relu{number}", "ReLU", {})]
        found.append((f"drop{number}", "Dropout", {"dropout_ratio": 0.5}))
    return [*found, ("fc8", "InnerProduct", {}), ("loss", "SoftmaxWithLoss", {})]


def net(
    arrays: dict[str, np.ndarray], described: list[Layer], *, legacy: bool, double: bool = False
) -> bytes:
    """A .caffemodel; `legacy` has V1 layers and blobs of four sides."""
    fields = {
        "Convolution": "convolution_param",
        "InnerProduct": "inner_product_param",
        "LRN": "lrn_param",
        "Pooling": "pooling_param",
        "Dropout": "dropout_param",
        "ReLU": "relu_param",
    }
    made = message("NetParameter")(name="AlexNet")
    for name, kind, settings in described:
        layer = (made.layers if legacy else made.layer).add(name=name)
        layer.type = V1_TYPES[kind] if legacy else kind
        if kind in fields:
            said = getattr(layer, fields[kind])
            said.SetInParent()
            for field, value in settings.items():
                if field in ("kernel_size", "stride", "pad", "dilation") and kind == "Convolution":
                    getattr(said, field).extend(value if isinstance(value, tuple) else [value])
                else:
                    setattr(said, field, value)
        for part in ("weight", "bias"):
            if f"{name}.{part}" in arrays:
                blob(arrays[f"{name}.{part}"], layer.blobs.add(), legacy=legacy, double=double)
    return made.SerializeToString()


def blob(array: np.ndarray, into: Any = None, *, legacy: bool = False, double: bool = False) -> Any:
    into = message("BlobProto")() if into is None else into
    if legacy:
        sides = (1,) * (4 - array.ndim) + array.shape
        into.num, into.channels, into.height, into.width = sides
    else:
        into.shape.dim.extend(array.shape)
    (into.double_data if double else into.data).extend(array.ravel().tolist())
    return into
