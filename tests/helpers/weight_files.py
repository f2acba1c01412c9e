"""Narrow networks with random weights, written in the formats of other projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import alexnet_jax
from alexnet_jax import InputError
from alexnet_jax.data.images import as_stored
from alexnet_jax.data.sources.photos import photographs
from alexnet_jax.weights import load

CLASSES = 7
OWT = {"conv1": 8, "conv2": 12, "conv3": 16, "conv4": 10, "conv5": 6, "fc6": 24, "fc7": 20}
BVLC = {"conv1": 8, "conv2": 12, "conv3": 16, "conv4": 20, "conv5": 8, "fc6": 24, "fc7": 18}
LAYERS = (*OWT, "fc8")
TORCH_NAMES = ("features.0", "features.3", "features.6", "features.8", "features.10",
               "classifier.1", "classifier.4", "classifier.6")  # fmt: skip
MEAN_BGR = (104.0, 117.0, 123.0)


def widths(maps: dict[str, int]) -> dict[str, dict[str, Any]]:
    return {name: {"maps": count} for name, count in maps.items()}


def narrow(preset: str, **changes: Any) -> alexnet_jax.Architecture:
    layers = widths(OWT if preset == "owt" else BVLC) | changes.pop("layers", {})
    return alexnet_jax.architecture(preset, classes=CLASSES, layers=layers, **changes)


def source_arrays(preset: str, side: int = 6, seed: int = 0) -> dict[str, np.ndarray]:
    """Random kernels (out, in, height, width) and biases by layer, as PyTorch and Caffe lay them
    out: "conv1.weight", ...; fc6 reads side x side maps."""
    maps = OWT if preset == "owt" else BVLC
    groups = {} if preset == "owt" else {"conv2": 2, "conv4": 2, "conv5": 2}
    sides = {"conv1": 11, "conv2": 5, "conv3": 3, "conv4": 3, "conv5": 3}
    draw, below, arrays = np.random.default_rng(seed), 3, {}
    for layer in LAYERS:
        count = maps.get(layer, CLASSES)
        if layer in sides:
            shape = (count, below // groups.get(layer, 1), sides[layer], sides[layer])
        else:
            shape = (count, below * (side * side if layer == "fc6" else 1))
        std = np.sqrt(2 / np.prod(shape[1:]))
        arrays[f"{layer}.weight"] = (draw.normal(size=shape) * std).astype(np.float32)
        arrays[f"{layer}.bias"] = draw.normal(size=count).astype(np.float32) * np.float32(0.1)
        below = count
    return arrays


def torch_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of `owt` by torchvision's names."""
    return {
        f"{torch}.{part}": arrays[f"{ours}.{part}"]
        for ours, torch in zip(LAYERS, TORCH_NAMES, strict=True)
        for part in ("weight", "bias")
    }


NAMED = torch_names(source_arrays("owt"))


def stored(size: int = 256, resize: str = "short_bicubic", count: int = 2) -> np.ndarray:
    """Real photographs, none of them symmetric: [B, S, S, 3] uint8, a cat and a cup of coffee."""
    pictures = [picture for _, picture in zip(range(count), photographs(), strict=False)]
    return np.stack([as_stored(picture, size, 3, resize) for picture in pictures])


def bgr_input(images: np.ndarray, size: int, mean: Any = MEAN_BGR) -> np.ndarray:
    """Caffe's input: the centre crop, blue first, minus the mean; [B, 3, size, size]."""
    crop = centre(images, size)[..., ::-1].astype(np.float64) - np.asarray(mean)
    return np.ascontiguousarray(crop.transpose(0, 3, 1, 2), np.float32)


def torchvision_input(images: np.ndarray, size: int = 224) -> np.ndarray:
    crop = centre(images, size) / 255
    normal = (crop - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.ascontiguousarray(normal.transpose(0, 3, 1, 2), np.float32)


def centre(images: np.ndarray, size: int) -> np.ndarray:
    start = (images.shape[1] - size) // 2
    return images[:, start : start + size, start : start + size]


def our_activations(weights: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer's output for stored images, with the preprocessing that the weights carry."""
    from alexnet_jax.data.augment import centre_views

    net = weights.architecture

    @jax.jit
    def run(params: Any, statistics: Any, images: Any) -> dict[str, jax.Array]:
        scale = weights.config.scale
        views = centre_views(images, statistics, size=net.image_size, scale=scale)
        return alexnet_jax.activations(net, params, views)

    found = run(weights.params, weights.statistics, images)
    return {name: np.asarray(value) for name, value in found.items()}


def assert_same(found: dict[str, np.ndarray], source: dict[str, np.ndarray]) -> None:
    """Every layer that the source has, NCHW or [B, units], to 1e-5 of its largest value; logits
    and the order of the five likeliest classes."""
    assert {*LAYERS[:-1], "pool1", "pool2", "pool5", "logits"} <= set(source)
    for name, value in source.items():
        ours = found[name]
        ours = ours.transpose(0, 3, 1, 2) if ours.ndim == 4 else ours
        assert ours.shape == value.shape, name
        worst = np.abs(ours - value).max() / np.abs(value).max()
        assert worst <= 1e-5, f"{name}: {worst:.1e}"
        assert value.std() > 1e-3, f"{name} is constant"
    top = [np.argsort(x["logits"])[:, ::-1][:, :5] for x in (found, source)]
    np.testing.assert_array_equal(*top)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def guerzhoy(arrays: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """As kaffe rewired Caffe's weights: HWIO, fc6 over height, width, map."""
    found = {}
    for layer in LAYERS:
        kernel = arrays[f"{layer}.weight"]
        if layer == "fc6":
            kernel = kernel.reshape(len(kernel), -1, 6, 6).transpose(0, 2, 3, 1)
            kernel = kernel.reshape(len(kernel), -1)
        kernel = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
        found[layer] = [np.ascontiguousarray(kernel), arrays[f"{layer}.bias"]]
    return found


def refusal(path: Path, kind: str = "torchvision") -> str:
    """The line in which a file of the narrow `owt` is refused; it begins with the file."""
    with pytest.raises(InputError) as caught:
        load(kind, path, layers=widths(OWT))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text
