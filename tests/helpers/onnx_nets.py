"""ONNX graphs of the BVLC networks, written node by node, and run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from helpers.weight_files import source_arrays

LRN = {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}
NORM_POOL = ["lrn", "pool"]
ENDS = [0, 0, 1, 1]  # pads below and at the right, as Caffe2 wrote Caffe's rounding up


def steps(preset: str, pool_pads: list[int]) -> list[tuple[str, str, dict[str, Any]]]:
    """The operations of bvlc_alexnet or CaffeNet, in order, as the model zoo's files have them:
    (operation, our name of its output, attributes); weights go by the name."""
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": pool_pads}
    order = NORM_POOL if preset == "caffe_alexnet" else NORM_POOL[::-1]
    found: list[tuple[str, str, dict[str, Any]]] = []

    def conv(name: str, stride: int, pad: int, group: int) -> None:
        attributes = {"strides": [stride] * 2, "pads": [pad] * 4, "group": group}
        found.extend([("Conv", f"{name}_linear", attributes), ("Relu", name, {})])

    for number, settings in ((1, (4, 0, 1)), (2, (1, 2, 2))):
        conv(f"conv{number}", *settings)
        for kind in order:
            op, attributes = ("LRN", LRN) if kind == "lrn" else ("MaxPool", pool)
            found.append((op, f"{kind}{number}", attributes))
    for number, group in ((3, 1), (4, 2), (5, 2)):
        conv(f"conv{number}", 1, 1, group)
    found.append(("MaxPool", "pool5", pool))
    found.append(("Reshape", "flat", {}))
    for name in ("fc6", "fc7"):
        found.extend([("Gemm", f"{name}_linear", {"transB": 1}), ("Relu", name, {})])
        found.append(("Dropout", f"{name}_kept", {}))
    found.append(("Gemm", "logits", {"transB": 1}))
    found.append(("Softmax", "prob", {"axis": 1}))
    return found


def model(
    preset: str,
    arrays: dict[str, np.ndarray],
    *,
    size: int,
    pool_pads: list[int],
    changed: dict[str, dict[str, Any]] | None = None,
) -> onnx.ModelProto:
    """The graph with its weights; `changed` replaces attributes by output name."""
    nodes, below = [], "data_0"
    initializers = {name: np.asarray(value) for name, value in arrays.items()}
    initializers["shape"] = np.array([-1, arrays["fc6.weight"].shape[1]], np.int64)
    for op, name, attributes in steps(preset, pool_pads):
        inputs = [below]
        if op in ("Conv", "Gemm"):
            layer = "fc8" if name == "logits" else name.removesuffix("_linear")
            inputs += [f"{layer}.weight", f"{layer}.bias"]
        if op == "Reshape":
            inputs += ["shape"]
        settings = attributes | (changed or {}).get(name, {})
        nodes.append(helper.make_node(op, inputs, [name], name=name, **settings))
        below = name
    graph = helper.make_graph(
        nodes,
        preset,
        [helper.make_tensor_value_info("data_0", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["N", "classes"])],
        [numpy_helper.from_array(value, name) for name, value in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)


def run(proto: onnx.ModelProto, images: np.ndarray, wanted: list[str]) -> dict[str, np.ndarray]:
    """Values inside a graph, as onnxruntime computes them without rewriting it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.output[:]
    copy.graph.output.extend(
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in wanted]
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return dict(zip(wanted, session.run(wanted, {name: images}), strict=True))


def values(preset: str) -> list[str]:
    """Names of a graph's values that are layers of our table, too."""
    named = [name for _, name, _ in steps(preset, [0] * 4)]
    return [n for n in named if not n.endswith(("_linear", "_kept")) and n not in ("flat", "prob")]


def written(path: Path, preset: str = "caffe_alexnet", **settings: Any) -> onnx.ModelProto:
    """Write a narrow network of images of 224 and return its graph."""
    settings = {"size": 224, "pool_pads": ENDS} | settings
    proto = model(preset, source_arrays(preset), **settings)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
    return proto
