"""Networks written as ONNX graphs, a few operations a layer, with the onnx library's helpers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import (
    LRN,
    Architecture,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Local,
    MapNorm,
    MaxPool,
    Placed,
    forward,
)
from alexnet_jax.weights.arrays import Params

_OPSET, _IR = 17, 8  # versions of 2022, which newer programs read
_CLOSE = 1e-4  # of the largest logit; another order of float32 sums differs by about 1e-6


def onnx_model(
    architecture: Architecture, arrays: Mapping[str, tuple[np.ndarray, np.ndarray]], about: str
) -> bytes:
    """Return the bytes of a model from "images" to "logits".

    "images" are [batch, C, H, W], normalized, and "logits" [batch, classes]. Every layer's output
    has the layer's name; a network without a classifier ends in that of its last layer, [batch, M,
    H, W] or [batch, units]. `about` goes into the metadata.

    Raises:
      InputError: the onnx library is missing, or a layer normalizes over an even number of maps,
        whose window ONNX places differently.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        raise InputError("the kind onnx needs onnx: pip install 'alexnet_jax[interop]'") from None
    graph, below = _Graph(), "images"
    for placed, name in zip(architecture.placed(), architecture.outputs(), strict=True):
        below = graph.layer(architecture, placed, below, name, arrays.get(placed.layer.name, ()))
    height, width, channels = architecture.input_shape
    images = ["batch", channels, height, width]
    shape = architecture.outputs()[below]
    output = (shape[-1], *shape[:-1])  # maps first
    onnx_graph = helper.make_graph(
        graph.nodes,
        architecture.name,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, images)],
        [helper.make_tensor_value_info(below, TensorProto.FLOAT, ["batch", *output])],
        graph.initializers,
    )
    model = helper.make_model(
        onnx_graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR,
        producer_name="alexnet_jax",
    )  # fmt: skip
    helper.set_model_props(model, {"alexnet_jax": about})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


class _Graph:
    """Operations and arrays of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def array(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def layer(self, net: Architecture, placed: Placed, below: str, name: str, arrays: Any) -> str:
        """Add the operations of one layer; return the last one's output, `name`."""
        layer = placed.layer
        weights = [self.array(f"{layer.name}/{part}", array)
                   for part, array in zip(("kernel", "bias"), arrays, strict=False)]  # fmt: skip
        plain = getattr(layer, "activation", "linear") == "linear"
        first = name if plain else f"{name}/linear"
        match layer:
            case Conv(stride=stride, padding=padding, groups=groups, kernel=side):
                pads = [
                    padding,
                    padding,
                    *(padding + more for more in _overhang(placed, side, stride, padding)),
                ]
                self.add("Conv", [below, *weights], first, strides=[stride] * 2, pads=pads,
                         group=groups, kernel_shape=[side] * 2)  # fmt: skip
            case Local():
                self._local(layer, placed, below, first, weights)
            case Dense():
                flat = self.add("Flatten", [below], f"{name}/flat", axis=1)
                self.add("Gemm", [flat, *weights], first, transB=1)
            case LRN():
                self._lrn(net, placed, layer, below, name)
            case MapNorm():
                self._map_norm(layer, below, name)
            case MaxPool(size=size, stride=stride):
                pads = [0, 0, *_overhang(placed, size, stride, 0)]
                self.add("MaxPool", [below], first, kernel_shape=[size] * 2, strides=[stride] * 2,
                         pads=pads)  # fmt: skip
            case AveragePool(size=size, stride=stride):
                pads = [0, 0, *_overhang(placed, size, stride, 0)]
                self.add("AveragePool", [below], first, kernel_shape=[size] * 2,
                         strides=[stride] * 2, pads=pads, count_include_pad=0)  # fmt: skip
            case Dropout(keep=keep, inverted=inverted):
                if inverted:
                    self.add("Identity", [below], name)
                else:
                    factor = self.array(f"{name}/factor", np.float32(keep))
                    self.add("Mul", [below, factor], name)
        return name if plain else self.add("Relu", [first], name)

    def _lrn(self, net: Architecture, placed: Placed, layer: LRN, below: str, name: str) -> None:
        if layer.n % 2 == 0:
            raise InputError(f"{name} normalizes over {layer.n} maps; in ONNX the count is odd")
        constants = {"size": layer.n, "bias": layer.k, "alpha": layer.alpha * layer.n,
                     "beta": layer.beta}  # fmt: skip
        if not layer.within_tower or net.towers == 1:
            self.add("LRN", [below], name, **constants)
            return
        # The towers become part of the batch axis, so that no map sees the other tower's.
        height, width, maps = placed.output
        apart = self.array(f"{name}/apart", np.array([-1, maps // net.towers, height, width]))
        together = self.array(f"{name}/together", np.array([-1, maps, height, width]))
        split = self.add("Reshape", [below, apart], f"{name}/split")
        self.add("LRN", [split], f"{name}/towers", **constants)
        self.add("Reshape", [f"{name}/towers", together], name)

    def _local(
        self, layer: Local, placed: Placed, below: str, name: str, weights: list[str]
    ) -> None:
        """Add a product of what each place reads, [H' W', B, K K C], with the place's kernel."""
        side, stride, pad = layer.kernel, layer.stride, layer.padding
        rows, columns, maps = placed.output
        down, right = _overhang(placed, side, stride, pad)
        edges = np.array([0, 0, pad, pad, 0, 0, pad + down, pad + right])
        padded = self.add("Pad", [below, self.array(f"{name}/edges", edges)], f"{name}/padded")
        axes, steps = (
            self.array(f"{name}/{word}", np.array(values))
            for word, values in (("axes", [2, 3]), ("steps", [stride, stride]))
        )
        taps = []
        for p, q in np.ndindex(side, side):
            last = (p + (rows - 1) * stride + 1, q + (columns - 1) * stride + 1)
            ends = [
                self.array(f"{name}/{word}{p}{q}", np.array(values))
                for word, values in (("first", (p, q)), ("last", last))
            ]
            taps.append(self.add("Slice", [padded, *ends, axes, steps], f"{name}/tap{p}{q}"))
        joined = self.add("Concat", taps, f"{name}/joined", axis=1)
        each = self.add("Transpose", [joined], f"{name}/each", perm=[2, 3, 0, 1])
        shape = self.array(f"{name}/places", np.array([rows * columns, -1, placed.fan_in]))
        patches = self.add("Reshape", [each, shape], f"{name}/patches")
        product = self.add("MatMul", [patches, weights[0]], f"{name}/product")
        together = self.add("Transpose", [product], f"{name}/together", perm=[1, 2, 0])
        back = self.array(f"{name}/maps", np.array([-1, maps, rows, columns]))
        unbiased = self.add("Reshape", [together, back], f"{name}/unbiased")
        self.add("Add", [unbiased, weights[1]], name)

    def _map_norm(self, layer: MapNorm, below: str, name: str) -> None:
        """Add y = x (k + alpha sum x^2)^-beta, summed over size x size positions, 0 outside."""
        size, area = layer.size, layer.size**2
        square = self.add("Mul", [below, below], f"{name}/square")
        mean = self.add("AveragePool", [square], f"{name}/mean", kernel_shape=[size] * 2,
                        strides=[1, 1], pads=[size // 2] * 4, count_include_pad=1)  # fmt: skip
        numbers = {"alpha": layer.alpha * area, "k": layer.k, "beta": -layer.beta}
        constants = {key: self.array(f"{name}/{key}", np.float32(v)) for key, v in numbers.items()}
        scaled = self.add("Mul", [mean, constants["alpha"]], f"{name}/scaled")
        based = self.add("Add", [scaled, constants["k"]], f"{name}/based")
        power = self.add("Pow", [based, constants["beta"]], f"{name}/power")
        self.add("Mul", [below, power], name)


def _overhang(placed: Placed, window: int, stride: int, padding: int) -> list[int]:
    """Return the rows and columns by which the last windows extend beyond the padded input."""
    return [
        max(0, (out - 1) * stride + window - side - 2 * padding)
        for out, side in zip(placed.output[:2], placed.input[:2], strict=True)
    ]


def require_onnx_agrees(architecture: Architecture, params: Params, path: Path) -> float:
    """Compare onnxruntime's result of a file with ours on random images.

    Returns:
      The largest difference, relative to our largest value.

    Raises:
      InputError: onnxruntime is missing.
      RuntimeError: the difference is too large.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "reading ONNX back needs onnxruntime: pip install 'alexnet_jax[interop]'"
        ) from None
    import jax

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shape = (2, *architecture.input_shape)
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (theirs,) = session.run(None, {"images": images.transpose(0, 3, 1, 2).copy()})
    theirs = np.moveaxis(theirs, 1, -1)
    ours = np.asarray(jax.jit(lambda p, x: forward(architecture, p, x))(params, images))
    return require_close(theirs, ours, path)


def require_close(theirs: np.ndarray, ours: np.ndarray, path: Path) -> float:
    """Return the largest difference over our largest value; RuntimeError if it is too large."""
    worst = float(np.abs(theirs - ours).max() / np.abs(ours).max())
    if theirs.shape != ours.shape or not worst <= _CLOSE:
        raise RuntimeError(f"{path} gives results that are {worst:.1e} apart from ours")
    return worst
