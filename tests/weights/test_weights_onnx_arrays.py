"""Arrays of ONNX files that are turned, missing, or made by operations of the graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers import onnx_nets
from helpers.onnx_nets import ENDS, written
from helpers.weight_files import (
    BVLC,
    source_arrays,
    widths,
)

from alexnet_jax import InputError, weights


def test_a_convolution_without_a_bias(tmp_path: Path) -> None:
    proto = written(tmp_path / "net.onnx")
    del proto.graph.node[0].input[2]
    onnx.save(proto, tmp_path / "less.onnx")
    with pytest.raises(InputError, match="conv1_linear has no bias, expected a kernel and a bias"):
        weights.load("onnx", tmp_path / "less.onnx", layers=widths(BVLC))


def test_a_matrix_that_is_not_turned(tmp_path: Path) -> None:
    """Gemm without transB holds (in, out)."""
    arrays = source_arrays("caffe_alexnet")
    plain = weights_of(tmp_path / "a.onnx", arrays, {})
    arrays["fc7.weight"] = np.ascontiguousarray(arrays["fc7.weight"].T)
    turned = weights_of(tmp_path / "b.onnx", arrays, {"fc7_linear": {"transB": 0}})
    np.testing.assert_array_equal(plain["fc7"]["kernel"], turned["fc7"]["kernel"])


def moved(proto: onnx.ModelProto, make: Callable[..., list[onnx.NodeProto]]) -> onnx.ModelProto:
    """The graph with every initializer replaced by the operations that `make` returns."""
    tensors = list(proto.graph.initializer)
    nodes = [node for tensor in tensors for node in make(tensor)]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(
        [tensor for tensor in tensors if not any(tensor.name in node.output for node in nodes)]
    )
    nodes.extend(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto


def test_arrays_that_are_operations(tmp_path: Path) -> None:
    """Constants, a copy of an initializer, and biases that are a shape and a value."""
    proto = written(tmp_path / "plain.onnx")
    plain = weights.load("onnx", tmp_path / "plain.onnx", layers=widths(BVLC)).params
    make = onnx.helper.make_node

    def as_operations(tensor: onnx.TensorProto) -> list[onnx.NodeProto]:
        if tensor.name == "conv1.bias":
            shape = onnx.numpy_helper.from_array(np.array(tensor.dims, np.int64))
            half = onnx.numpy_helper.from_array(np.array([0.5], np.float32))
            return [make("Constant", [], ["sides"], value=shape),
                    make("ConstantOfShape", ["sides"], [tensor.name], value=half)]  # fmt: skip
        if tensor.name == "conv2.bias":
            return [make("ConstantOfShape", ["eight"], [tensor.name])]
        if tensor.name == "conv3.weight":
            return [make("Identity", ["original"], [tensor.name])]
        return [make("Constant", [], [tensor.name], value=tensor)]

    kept = [onnx.numpy_helper.from_array(np.array([BVLC["conv2"]], np.int64), "eight"),
            onnx.TensorProto()]  # fmt: skip
    kept[1].CopyFrom(next(t for t in proto.graph.initializer if t.name == "conv3.weight"))
    kept[1].name = "original"
    proto = moved(proto, as_operations)
    proto.graph.initializer.extend(kept)
    onnx.checker.check_model(proto)
    onnx.save(proto, tmp_path / "net.onnx")
    found = weights.load("onnx", tmp_path / "net.onnx", layers=widths(BVLC)).params
    for layer, parts in plain.items():
        np.testing.assert_array_equal(found[layer]["kernel"], parts["kernel"])
        if layer not in ("conv1", "conv2"):
            np.testing.assert_array_equal(found[layer]["bias"], parts["bias"])
    np.testing.assert_array_equal(found["conv1"]["bias"], np.full(BVLC["conv1"], 0.5, np.float32))
    np.testing.assert_array_equal(found["conv2"]["bias"], np.zeros(BVLC["conv2"], np.float32))
    assert found["conv2"]["bias"].dtype == np.float32


@pytest.mark.parametrize(
    ("sides", "values", "said"),
    [
        (None, [1.0], "conv2.bias takes no shape that is in the file"),
        (np.array([12], np.int32), [1.0], "conv2.bias takes no shape that is in the file"),
        (np.full(9, 12, np.int64), [1.0], "conv2.bias takes no shape that is in the file"),
        (np.array([-12], np.int64), [1.0], r"has the shape \(-12,\)"),
        (np.array([12], np.int64), [1.0, 2.0], r"has the shape \(12,\) and values \(2,\)"),
        (np.array([1 << 40], np.int64), [1.0], r"conv2\.bias should be 12 .*, found 1099511627776"),
    ],
)
def test_shapes_and_values_that_cannot_be(
    tmp_path: Path, sides: np.ndarray | None, values: list[float], said: str
) -> None:
    """One of a terabyte is refused before it is made."""
    proto = written(tmp_path / "net.onnx")
    value = onnx.numpy_helper.from_array(np.array(values, np.float32))
    node = onnx.helper.make_node("ConstantOfShape", ["sides"], ["conv2.bias"], value=value)
    tensors = [t for t in proto.graph.initializer if t.name != "conv2.bias"]
    if sides is not None:
        tensors.append(onnx.numpy_helper.from_array(sides, "sides"))
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(tensors)
    proto.graph.node.insert(0, node)
    onnx.save(proto, tmp_path / "net.onnx")
    with pytest.raises(InputError, match=said):
        weights.load("onnx", tmp_path / "net.onnx", layers=widths(BVLC))


def weights_of(path: Path, arrays: dict[str, np.ndarray], changed: Any) -> Any:
    onnx.save(
        onnx_nets.model("caffe_alexnet", arrays, size=224, pool_pads=ENDS, changed=changed), path
    )
    return weights.load("onnx", path, layers=widths(BVLC)).params
