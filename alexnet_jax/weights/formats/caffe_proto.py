"""Protobuf messages of Caffe's files, declared by the field numbers of Caffe's own description.

Only the fields that are read or written here are declared; the library skips the others. Arrays,
which Caffe declares as packed floats, are declared as bytes, which have the same encoding.

Source: `src/caffe/proto/caffe.proto` of BVLC/caffe.
"""

from __future__ import annotations

import functools
from typing import Any

from alexnet_jax.errors import InputError

# message -> field -> (number, kind, repeated)
_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "BlobShape": {"dim": (1, "int64", True)},
    "Blob": {
        "num": (1, "int64", False),
        "channels": (2, "int64", False),
        "height": (3, "int64", False),
        "width": (4, "int64", False),
        "data": (5, "bytes", True),
        "shape": (7, "BlobShape", False),
        "double_data": (8, "bytes", True),
    },
    "Convolution": {
        "num_output": (1, "uint32", False),
        "pad": (3, "uint32", True),
        "kernel_size": (4, "uint32", True),
        "group": (5, "uint32", False),
        "stride": (6, "uint32", True),
        "pad_h": (9, "uint32", False),
        "pad_w": (10, "uint32", False),
        "kernel_h": (11, "uint32", False),
        "kernel_w": (12, "uint32", False),
        "stride_h": (13, "uint32", False),
        "stride_w": (14, "uint32", False),
        "dilation": (18, "uint32", True),
    },
    "InnerProduct": {"num_output": (1, "uint32", False), "transpose": (6, "bool", False)},
    "Dropout": {"dropout_ratio": (1, "float", False)},
    "ReLU": {"negative_slope": (1, "float", False)},
    "LRN": {
        "local_size": (1, "uint32", False),
        "alpha": (2, "float", False),
        "beta": (3, "float", False),
        "norm_region": (4, "int32", False),
        "k": (5, "float", False),
    },
    "Pooling": {
        "pool": (1, "int32", False),
        "kernel_size": (2, "uint32", False),
        "stride": (3, "uint32", False),
        "pad": (4, "uint32", False),
        "kernel_h": (5, "uint32", False),
        "kernel_w": (6, "uint32", False),
        "stride_h": (7, "uint32", False),
        "stride_w": (8, "uint32", False),
        "pad_h": (9, "uint32", False),
        "pad_w": (10, "uint32", False),
        "global_pooling": (12, "bool", False),
        "round_mode": (13, "int32", False),
    },
    "Layer": {
        "name": (1, "string", False),
        "type": (2, "string", False),
        "bottom": (3, "string", True),
        "top": (4, "string", True),
        "blobs": (7, "Blob", True),
        "convolution": (106, "Convolution", False),
        "dropout": (108, "Dropout", False),
        "inner_product": (117, "InnerProduct", False),
        "lrn": (118, "LRN", False),
        "pooling": (121, "Pooling", False),
        "relu": (123, "ReLU", False),
    },
    "V1Layer": {
        "bottom": (2, "string", True),
        "top": (3, "string", True),
        "name": (4, "string", False),
        "type": (5, "int32", False),
        "blobs": (6, "Blob", True),
        "convolution": (10, "Convolution", False),
        "dropout": (12, "Dropout", False),
        "inner_product": (17, "InnerProduct", False),
        "lrn": (18, "LRN", False),
        "pooling": (19, "Pooling", False),
        "relu": (30, "ReLU", False),
    },
    "Net": {
        "name": (1, "string", False),
        "layers": (2, "V1Layer", True),
        "layer": (100, "Layer", True),
    },
}
# Numbers of legacy layer types that may occur in the files of these networks.
V1_TYPES = {
    0: "of Caffe's first format, which its upgrade_net_proto_binary rewrites",
    1: "Accuracy",
    4: "Convolution",
    5: "Data",
    6: "Dropout",
    9: "HDF5Data",
    12: "ImageData",
    14: "InnerProduct",
    15: "LRN",
    17: "Pooling",
    18: "ReLU",
    20: "Softmax",
    21: "SoftmaxWithLoss",
    22: "Split",
    29: "MemoryData",
    32: "DummyData",
}


@functools.cache
def message(name: str) -> type[Any]:
    """Return the class of a message; InputError if protobuf is not installed."""
    try:
        from google.protobuf import descriptor_pool, message_factory
    except ImportError:
        raise InputError(
            "Caffe's files need protobuf: pip install 'alexnet_jax[interop]'"
        ) from None
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_description())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"alexnet_jax.{name}"))


def _description() -> Any:
    from google.protobuf import descriptor_pb2

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="alexnet_jax/caffe.proto", package="alexnet_jax", syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        declared = file.message_type.add(name=name)
        for field_name, (number, kind, repeated) in fields.items():
            label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            added = declared.field.add(name=field_name, number=number, label=label)
            if kind in _MESSAGES:
                added.type, added.type_name = field.TYPE_MESSAGE, f".alexnet_jax.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind.upper()}")
    return file


def parse(name: str, data: bytes, path: object) -> Any:
    """Parse a file's bytes as a message; InputError if they are not one, or are cut short."""
    from google.protobuf.message import DecodeError

    parsed = message(name)()
    try:
        parsed.ParseFromString(data)
    except DecodeError as error:
        raise InputError(f"{path} is not a Caffe file, or is cut short ({error})") from error
    return parsed
