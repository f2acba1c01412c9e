"""ONNX files of the model zoo's family: geometry, constants and numbers as onnxruntime has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers import onnx_nets
from helpers.onnx_nets import ENDS, written
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


def test_cut_short(tmp_path: Path) -> None:
    written(tmp_path / "net.onnx")
    data = (tmp_path / "net.onnx").read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.onnx").write_bytes(data[:length])
        with pytest.raises(InputError, match=r"cut\.onnx") as caught:
            weights.load("onnx", tmp_path / "cut.onnx", layers=widths(BVLC))
        assert "\n" not in str(caught.value)
