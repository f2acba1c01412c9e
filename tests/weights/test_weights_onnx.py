"""ONNX files of the model zoo's family: geometry, constants and numbers as onnxruntime has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers import onnx_nets
from helpers.weight_files import (
    BVLC,
    assert_same,
    bgr_input,
    our_activations,
    source_arrays,
    stored,
    widths,
)

from alexnet_jax import InputError, weights

ZOO_MEAN = (103.939, 116.779, 123.68)  # blue, green, red
ENDS = [0, 0, 1, 1]  # pads below and at the right, as Caffe2 wrote Caffe's rounding up


def written(path: Path, preset: str = "caffe_alexnet", **settings: Any) -> onnx.ModelProto:
    settings = {"size": 224, "pool_pads": ENDS} | settings
    proto = onnx_nets.model(preset, source_arrays(preset), **settings)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
    return proto


@pytest.mark.parametrize(
    ("preset", "size", "pads"),
    [("caffe_alexnet", 224, ENDS), ("caffenet", 224, ENDS), ("caffe_alexnet", 227, [0] * 4)],
)
def test_every_layer_is_onnxruntimes(
    tmp_path: Path, preset: str, size: int, pads: list[int]
) -> None:
    proto = written(tmp_path / "net.onnx", preset, size=size, pool_pads=pads)
    found = weights.load("onnx", tmp_path / "net.onnx", layers=widths(BVLC))
    assert (found.architecture.name, found.architecture.image_size) == (preset, size)
    sides = {placed.layer.name: placed.output[0] for placed in found.architecture.placed()}
    assert (sides["conv1"], sides["pool1"]) == ((54, 27) if size == 224 else (55, 27))
    assert found.stored_size == size
    images = stored(size, "warp_bicubic")
    source = onnx_nets.run(proto, bgr_input(images, size, ZOO_MEAN), onnx_nets.values(preset))
    assert_same(our_activations(found, images), source)


def test_a_network_is_made_again_from_its_config(tmp_path: Path) -> None:
    """What a training that starts from imported weights does."""
    from alexnet_jax.weights.weights import architecture_of

    written(tmp_path / "net.onnx")
    found = weights.load("onnx", tmp_path / "net.onnx", layers=widths(BVLC))
    assert architecture_of(found.config, found.architecture.classes) == found.architecture


@pytest.mark.parametrize(
    ("node", "attributes", "said"),
    [
        ("conv1_linear", {"strides": [2, 2]}, ["conv1", "strides [2, 2]", "[4, 4]"]),
        ("conv2_linear", {"pads": [1, 1, 1, 1]}, ["conv2", "pads [1, 1, 1, 1]", "[2, 2, 2, 2]"]),
        ("conv2_linear", {"dilations": [2, 2]}, ["conv2", "dilations"]),
        ("lrn1", {"alpha": 5e-4}, ["lrn1", "alpha", "0.0005"]),
        ("lrn2", {"bias": 2.0}, ["lrn2", "bias 2.0", "expected 1.0"]),
        ("lrn2", {"size": 7}, ["lrn2", "size 7", "expected 5"]),
        ("pool1", {"pads": [1, 1, 0, 0]}, ["pool1", "top and left"]),
        ("pool2", {"strides": [3, 3]}, ["pool2", "strides [3, 3]"]),
        ("pool5", {"dilations": [2, 2]}, ["pool5", "dilations [2, 2]", "[1, 1]"]),
        ("conv2_linear", {"group": 1}, ["conv2", "group 1", "expected 2"]),
        ("conv3_linear", {"auto_pad": "SAME_UPPER"}, ["conv3", "auto_pad", "SAME_UPPER"]),
        ("pool2", {"auto_pad": "SAME_LOWER"}, ["pool2", "auto_pad", "SAME_LOWER"]),
        ("lrn1", {"beta": 0.5}, ["lrn1", "beta 0.5", "expected 0.75"]),
        ("logits", {"transA": 1}, ["logits", "transA 1", "expected 0"]),
        ("logits", {"alpha": 0.5}, ["logits", "alpha 0.5", "expected 1"]),
    ],
)
def test_other_constants_are_refused(
    tmp_path: Path, node: str, attributes: dict[str, Any], said: list[str]
) -> None:
    proto = onnx_nets.model(
        "caffe_alexnet",
        source_arrays("caffe_alexnet"),
        size=224,
        pool_pads=ENDS,
        changed={node: attributes},
    )
    onnx.save(proto, tmp_path / "net.onnx")
    with pytest.raises(InputError) as caught:
        weights.load("onnx", tmp_path / "net.onnx", layers=widths(BVLC))
    for part in said:
        assert part in str(caught.value)


def test_pools_that_round_up(tmp_path: Path) -> None:
    """ceil_mode, without pads, is what pads at the ends were written for."""
    pools = {name: {"ceil_mode": 1} for name in ("pool1", "pool2", "pool5")}
    written(tmp_path / "up.onnx", pool_pads=[0] * 4, changed=pools)
    written(tmp_path / "net.onnx")
    up, plain = (
        weights.load("onnx", tmp_path / name, layers=widths(BVLC))
        for name in ("up.onnx", "net.onnx")
    )
    assert up.architecture == plain.architecture


def test_an_input_that_is_no_square(tmp_path: Path) -> None:
    """227 x 163, of which fc6 reads 6 x 4 maps: every layer is onnxruntime's. A file whose fc6 does
    not fit its declared size is refused."""
    arrays, (height, width) = source_arrays("caffe_alexnet"), (227, 163)
    arrays["fc6.weight"] = np.ascontiguousarray(
        arrays["fc6.weight"].reshape(-1, BVLC["conv5"], 6, 6)[..., :4]
    ).reshape(len(arrays["fc6.weight"]), -1)
    proto = onnx_nets.model("caffe_alexnet", arrays, size=height, pool_pads=[0] * 4)
    proto.graph.input[0].type.tensor_type.shape.dim[3].dim_value = width
    onnx.save(proto, tmp_path / "tall.onnx")
    found = weights.load("onnx", tmp_path / "tall.onnx", layers=widths(BVLC))
    assert found.architecture.image_size == (height, width)
    assert (found.stored_size, found.config.image_size) == (height, 0)
    images = stored(height, "warp_bicubic")
    left = (height - width) // 2
    cropped = bgr_input(images, height, ZOO_MEAN)[..., left : left + width]
    source = onnx_nets.run(proto, cropped, onnx_nets.values("caffe_alexnet"))
    assert_same(our_activations(found, images), source)
    written(tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    proto.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 300
    onnx.save(proto, tmp_path / "wide.onnx")
    with pytest.raises(InputError, match=r"fc6.*for caffe_alexnet, found"):
        weights.load("onnx", tmp_path / "wide.onnx", layers=widths(BVLC))


def test_another_graph_is_refused(tmp_path: Path) -> None:
    proto = written(tmp_path / "net.onnx")
    del proto.graph.node[1]  # conv1's ReLU
    proto.graph.node[1].input[0] = "conv1_linear"
    onnx.save(proto, tmp_path / "less.onnx")
    with pytest.raises(InputError, match="has the operations Conv LRN"):
        weights.load("onnx", tmp_path / "less.onnx", layers=widths(BVLC))
    proto.graph.node[0].op_type = "ConvTranspose"
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(InputError, match="operation ConvTranspose conv1_linear has no place"):
        weights.load("onnx", tmp_path / "other.onnx", layers=widths(BVLC))
    proto.graph.node[0].op_type = "Conv"
    proto.graph.node[2].input[0] = "data_0"
    onnx.save(proto, tmp_path / "branched.onnx")
    with pytest.raises(InputError, match="does not follow the one before"):
        weights.load("onnx", tmp_path / "branched.onnx", layers=widths(BVLC))


def test_a_convolution_without_a_bias(tmp_path: Path) -> None:
    proto = written(tmp_path / "net.onnx")
    del proto.graph.node[0].input[2]
    onnx.save(proto, tmp_path / "less.onnx")
    with pytest.raises(InputError, match="conv1_linear has no bias, expected a kernel and a bias"):
        weights.load("onnx", tmp_path / "less.onnx", layers=widths(BVLC))


@pytest.mark.parametrize(
    ("op", "after", "said", "attributes"),
    [
        ("Softmax", 2, "comes after the softmax", {}),
        ("Flatten", 4, "comes after a new shape", {}),
        ("AveragePool", 3, "AveragePool extra has no place", {"kernel_shape": [2, 2]}),
    ],
)
def test_operations_in_other_places(
    tmp_path: Path, op: str, after: int, said: str, attributes: dict[str, Any]
) -> None:
    proto = written(tmp_path / "net.onnx")
    nodes = list(proto.graph.node)
    extra = onnx.helper.make_node(op, [nodes[after].output[0]], ["extra"], **attributes)
    nodes[after + 1].input[0] = "extra"
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes[: after + 1], extra, *nodes[after + 1 :]])
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(InputError, match=said):
        weights.load("onnx", tmp_path / "other.onnx", layers=widths(BVLC))


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


def test_cut_short(tmp_path: Path) -> None:
    written(tmp_path / "net.onnx")
    data = (tmp_path / "net.onnx").read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.onnx").write_bytes(data[:length])
        with pytest.raises(InputError, match=r"cut\.onnx") as caught:
            weights.load("onnx", tmp_path / "cut.onnx", layers=widths(BVLC))
        assert "\n" not in str(caught.value)
