"""Loading weights from every kind of file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from alexnet_jax.checkpoints import file_digest
from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import Architecture
from alexnet_jax.runs import TrainConfig
from alexnet_jax.weights import published
from alexnet_jax.weights.arrays import Array, Layout, classes_in, of_network, params_of
from alexnet_jax.weights.formats.caffe import read_caffe, read_mean
from alexnet_jax.weights.formats.npy import preset_of, read_npy
from alexnet_jax.weights.formats.onnx import read_onnx
from alexnet_jax.weights.formats.own import own_weights
from alexnet_jax.weights.formats.safetensors import read_safetensors
from alexnet_jax.weights.formats.torch import read_torch
from alexnet_jax.weights.formats.torch_names import plain_names
from alexnet_jax.weights.published import KINDS, TORCHVISION_NAMES, Kind, Preprocessing, Published
from alexnet_jax.weights.weights import (
    Layers,
    Weights,
    architecture_of,
    config_of,
    for_rgb,
    known_names,
    mean_image,
    plain_statistics,
)

_LONGEST_MESSAGE = 600  # characters
Mean = str | Path | Sequence[float] | None


def load(
    kind: str,
    path: str | Path,
    *,
    mean: Mean = None,
    class_names: Sequence[str] | None = None,
    layers: Layers | None = None,
    preset: str | None = None,
) -> Weights:
    """Load a network's weights from a file of another project, or of this one.

        weights = alexnet_jax.weights.load("torchvision", "alexnet-owt-7be5be79.pth")
        logits = alexnet_jax.forward(weights.architecture, weights.params, images)

    Nothing that a file names is executed, no array with a wrong shape is read, and no array may be
    missing. Parameters become float32.

    Args:
      kind: "torchvision" (.pth of its alexnet: `owt`), "caffe" (.caffemodel of bvlc_alexnet or
        bvlc_reference_caffenet, distinguished by their layers), "onnx" (the model zoo's
        bvlcalexnet, caffenet, or an export of torchvision's), "npy" (bvlc_alexnet.npy, and others
        of caffe-tensorflow), "safetensors" (of this project, or with torchvision's names).
      path: the file.
      mean: for "caffe" and "npy": a mean file (.binaryproto, or .npy of 3 x S x S, in the order
        blue, green, red), or the three numbers of a pixel in that order. By default Caffe's.
      class_names: names in the order of the logits. By default, a thousand classes are ImageNet's,
        whose order all these projects share; other classes are numbered.
      layers: changes to the preset by layer, as `alexnet_jax.architecture` takes them, for a
        network of other widths.
      preset: for "npy", "caffe_alexnet" or "caffenet". By default what the file's name contains;
        a name with neither gives a warning, and caffe_alexnet.

    Raises:
      InputError: no such kind or file; the file is cut short, damaged, of another network or with
        other arrays. One line names the array or layer, what was expected and what was read.
    """
    path = Path(path)
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; {choices(kind, KINDS)}")
    if not path.is_file():
        raise InputError(f"{path}: {'is a directory' if path.is_dir() else 'no such file'}")
    if mean is not None and kind not in ("caffe", "npy"):
        raise InputError(f"a mean is for the kinds caffe and npy; {kind} has its own")
    if preset is not None and kind != "npy":
        raise InputError(f"a preset is for the kind npy; a file of the kind {kind} says what it is")
    readers: dict[str, Callable[[Path, Layers | None, Mean], Weights]] = {
        "torchvision": _torchvision,
        "caffe": _caffe,
        "onnx": _onnx,
        "npy": partial(_npy, preset=preset),
        "safetensors": _safetensors,
    }
    try:
        weights = readers[kind](path, layers, mean)
    except InputError as error:
        text = str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
        if len(text) > _LONGEST_MESSAGE:  # names in a file may have any length
            text = f"{text[:_LONGEST_MESSAGE]} ..."
        raise InputError(text) from error
    if class_names is None:
        return weights
    classes = weights.architecture.classes or 0  # none without a classifier
    if len(class_names) != classes:
        raise InputError(f"{path} has {classes} classes, got {len(class_names)} names")
    return dataclasses.replace(weights, class_ids=tuple(class_names))


def _torchvision(path: Path, layers: Layers | None, _: Mean) -> Weights:
    return _owt("torchvision", path, read_torch(path), layers)


def _owt(kind: Kind, path: Path, found: dict[str, Array], layers: Layers | None) -> Weights:
    arrays = plain_names(found)
    config = config_of(f"imported_{kind}", "owt", published.TORCHVISION, layers=layers)
    classes = classes_in(arrays, TORCHVISION_NAMES["fc8"][1]) or 1000
    return _weights(
        kind,
        path,
        config,
        architecture_of(config, classes),
        arrays,
        TORCHVISION_NAMES,
        published.TORCHVISION,
        published.TORCHVISION_MEASURED,
    )


def _caffe(path: Path, layers: Layers | None, mean: Mean) -> Weights:
    architecture, arrays, names = read_caffe(path, layers)
    preset = architecture.name
    preprocessing, image = _with_mean(published.CAFFE, mean, architecture)
    config = config_of("imported_caffe", preset, preprocessing, layers=layers)
    measured = published.CAFFE_MEASURED[preset]
    return _weights(
        "caffe", path, config, architecture, arrays, names, preprocessing, measured, image
    )


def _npy(path: Path, layers: Layers | None, mean: Mean, *, preset: str | None) -> Weights:
    """Load the weights of one of BVLC's networks in the form of caffe-tensorflow.

    They get Caffe's network and preprocessing. The program that Guerzhoy published with
    bvlc_alexnet.npy differs in padding conv1 and in subtracting the picture's own mean.
    """
    arrays = read_npy(path)
    parts = ("weights", "biases") if "conv1/weights" in arrays else ("0", "1")
    names = {layer: (f"{layer}/{parts[0]}", f"{layer}/{parts[1]}") for layer in TORCHVISION_NAMES}
    config = config_of("imported_npy", preset_of(path, preset), published.CAFFE, layers=layers)
    architecture = architecture_of(config, classes_in(arrays, names["fc8"][1]) or 1000)
    preprocessing, image = _with_mean(published.CAFFE, mean, architecture)
    return _weights(
        "npy", path, config, architecture, arrays, names, preprocessing, None, image, "HWIO"
    )


def _onnx(path: Path, layers: Layers | None, _: Mean) -> Weights:
    architecture, changes, arrays, names = read_onnx(path, layers)
    torchvision = architecture.name == "owt"
    preprocessing = published.TORCHVISION if torchvision else published.ONNX_BVLC
    if preprocessing.stored_size < architecture.longer_side:
        preprocessing = dataclasses.replace(preprocessing, stored_size=architecture.longer_side)
    config = config_of(
        "imported_onnx",
        architecture.name,
        preprocessing,
        layers=changes,
        # A config has no place for images that are not square; the architecture says their size.
        image_size=architecture.image_size if isinstance(architecture.image_size, int) else 0,
    )
    measured = {"owt": published.TORCHVISION_MEASURED, "caffe_alexnet": published.ONNX_MEASURED}
    figures = measured.get(architecture.name)
    return _weights("onnx", path, config, architecture, arrays, names, preprocessing, figures)


def _safetensors(path: Path, layers: Layers | None, _: Mean) -> Weights:
    arrays, about = read_safetensors(path)
    if about is None:
        return _owt("safetensors", path, arrays, layers)
    if layers:
        raise InputError(f"{path} says itself what its layers are")
    return own_weights(path, arrays, about)


def _weights(
    kind: Kind,
    path: Path,
    config: TrainConfig,
    architecture: Architecture,
    arrays: dict[str, Array],
    names: dict[str, tuple[str, str]],
    preprocessing: Preprocessing,
    published: Published | None,
    mean: np.ndarray | None = None,
    layout: Layout = "OIHW",
) -> Weights:
    params = params_of(architecture, arrays, names, layout)
    if params["fc8"]["bias"].shape != (1000,):
        published = None  # not ImageNet's classes
    sha256 = file_digest(path)
    return Weights(
        kind=kind,
        file=path.name,
        sha256=sha256,
        architecture=architecture,
        params=of_network(for_rgb(params, preprocessing.channel_order)),
        config=config,
        statistics=plain_statistics(mean_image(preprocessing) if mean is None else mean),
        class_ids=known_names(architecture.require_classes("a file of weights")),
        preprocessing=preprocessing,
        published=published,
        is_published=published is not None and published.is_of(path, sha256),
    )


def _with_mean(
    preprocessing: Preprocessing, mean: Mean, architecture: Architecture
) -> tuple[Preprocessing, np.ndarray | None]:
    """Return the preprocessing with another mean, and the mean image if it comes from a file.

    A mean pixel is (blue, green, red).
    """
    if mean is None:
        return preprocessing, None
    if isinstance(mean, str | Path):
        file = Path(mean)
        if not file.is_file():
            raise InputError(f"{file}: no such file; a mean is a file, or three numbers")
        image = read_mean(file)
        if len(image) < architecture.longer_side or not np.isfinite(image).all():
            raise InputError(
                f"{file}: the mean image should be finite and at least as large as "
                f"the network's input, {architecture.longer_side}; found {len(image)}"
            )
        pixel = tuple(float(value) for value in image.mean((0, 1), np.float64))
        return dataclasses.replace(preprocessing, stored_size=len(image), mean=pixel), image
    pixel = tuple(float(value) for value in mean)[::-1]
    if len(pixel) != 3 or not np.isfinite(pixel).all():
        raise InputError(f"a mean pixel is three numbers (blue, green, red), got {list(mean)}")
    return dataclasses.replace(preprocessing, mean=pixel), None
