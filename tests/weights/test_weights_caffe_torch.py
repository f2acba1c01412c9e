"""Caffe's networks, rebuilt in PyTorch, against what is read from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import caffe_files
from helpers.weight_files import (
    BVLC,
    assert_same,
    bgr_input,
    our_activations,
    source_arrays,
    stored,
    widths,
    write,
)

from alexnet_jax import weights

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make torch` does it")
F = torch.nn.functional


@pytest.mark.parametrize("preset", ["caffe_alexnet", "caffenet"])
def test_caffes_networks_rebuilt_in_pytorch(tmp_path: Path, preset: str) -> None:
    arrays = source_arrays(preset)
    data = caffe_files.net(arrays, caffe_files.layers(preset), legacy=True)
    path = write(tmp_path / "net.caffemodel", data)
    found = weights.load("caffe", path, layers=widths(BVLC))
    images = stored(256, "warp_bilinear")
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    x, source = torch.from_numpy(bgr_input(images, 227)), {}

    def pool(x: Any) -> Any:
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def conv(x: Any, name: str, stride: int = 1, pad: int = 1, groups: int = 1) -> Any:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return F.relu(F.conv2d(x, weight, bias, stride, pad, groups=groups))

    steps = [("conv1", lambda x: conv(x, "conv1", 4, 0)), ("lrn1", norm), ("pool1", pool),
             ("conv2", lambda x: conv(x, "conv2", 1, 2, 2)), ("lrn2", norm), ("pool2", pool),
             ("conv3", lambda x: conv(x, "conv3")), ("conv4", lambda x: conv(x, "conv4", groups=2)),
             ("conv5", lambda x: conv(x, "conv5", groups=2)), ("pool5", pool)]  # fmt: skip
    if preset == "caffenet":
        steps[1:3], steps[4:6] = steps[2:0:-1], steps[5:3:-1]
    for name, step in steps:
        x = source[name] = step(x)
    x = x.flatten(1)
    for name in ("fc6", "fc7", "fc8"):
        x = F.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
        x = x if name == "fc8" else F.relu(x)
        source[name if name != "fc8" else "logits"] = x
    assert_same(our_activations(found, images), {n: v.numpy() for n, v in source.items()})


def norm(x: Any) -> Any:
    return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)
