"""Trained networks written as files for other programs, and read back before they are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax import network
from alexnet_jax.checkpoints import file_digest, params_sha256
from alexnet_jax.errors import InputError, choices
from alexnet_jax.inference import Trained
from alexnet_jax.runs import last_test, model_card, write_atomically
from alexnet_jax.runtime import gather_to_host
from alexnet_jax.weights.arrays import Float, Params, rounded
from alexnet_jax.weights.export_caffe import caffemodel, mean_binaryproto
from alexnet_jax.weights.export_onnx import onnx_model, require_onnx_agrees
from alexnet_jax.weights.export_stablehlo import require_stablehlo_agrees, stablehlo
from alexnet_jax.weights.formats.caffe import PRESETS as CAFFE_PRESETS
from alexnet_jax.weights.formats.safetensors import OURS, STATISTICS, names_of
from alexnet_jax.weights.load import load
from alexnet_jax.weights.matching import require_like, source_layout, widths
from alexnet_jax.weights.published import TORCHVISION_NAMES
from alexnet_jax.weights.weights import for_rgb

SUFFIXES = {
    "safetensors": ".safetensors",
    "torchvision": ".pth",
    "caffe": ".caffemodel",
    "onnx": ".onnx",
    "stablehlo": ".stablehlo",
}


def export(
    trained: Trained,
    to: str,
    path: Path,
    *,
    measured: Sequence[Mapping[str, Any]] = (),
    dtype: Float = "float32",
) -> list[Path]:
    """Write a network as a file of another kind, with a model card beside it.

    Every file is read back, by the format's own library if there is one, and compared before it
    takes its final name.

    Args:
      trained: the network.
      to: kind of file: "safetensors" (complete: description, statistics and parameters),
        "torchvision" (a state dict; networks like `owt`), "caffe" (networks like `caffe_alexnet`
        and `caffenet`), "onnx" (from normalized images, [B, C, H, W], to logits) or "stablehlo"
        (from stored images, [B, S, S, C] uint8, to logits, for jax.export on cpu, cuda and tpu).
        The last two, and safetensors, take networks without a classifier, too.
      path: the file to write, with the kind's suffix.
      measured: lines of `metrics.jsonl`, for the card and a safetensors file's description.
      dtype: type of the parameters in a safetensors file; other kinds take float32 only. Rounding
        to float16 halves the file, and moves a number by at most 2^-11 of its value, or 2^-25.

    Returns:
      The files written: the file itself, the mean image PATH.mean.npy or PATH.mean.binaryproto if
      the kind cannot contain it, and the card PATH.md.

    Raises:
      InputError: the kind is unknown or cannot represent the network or the dtype, a parameter is
        beyond float16's range, or a library is missing.
    """
    writers: dict[str, Callable[[Trained, Params, Path], str]] = {
        "safetensors": partial(_safetensors, measured=measured, dtype=dtype),
        "torchvision": _torchvision,
        "caffe": _caffe,
        "onnx": _onnx,
        "stablehlo": _stablehlo,
    }
    if to not in writers:
        raise InputError(f"unknown kind {to!r}; {choices(to, writers)}")
    if path.suffix != SUFFIXES[to]:
        raise InputError(f"a file of the kind {to} must end in {SUFFIXES[to]}, got {str(path)!r}")
    if dtype != "float32" and to != "safetensors":
        raise InputError(f"a file of the kind {to} takes float32, not {dtype}; safetensors does")
    params = rounded(host(trained.params), dtype)
    aside = path.with_name(f"{path.stem}.tmp{path.suffix}")
    try:
        aside.touch()
        mode = aside.stat().st_mode  # as the umask says; a library may write another one
        note = writers[to](trained, params, aside)
        aside.chmod(mode)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    written = [path, *_save_mean(trained, to, path)]
    hashes = {"parameters": params_sha256(params)}
    hashes |= {file.name: file_digest(file) for file in written}
    card = path.with_name(path.name + ".md")
    mean = np.asarray(gather_to_host(trained.statistics.mean))
    notes = [note, *(f"\nThe mean image is in `{file.name}`." for file in written[1:])]
    text = model_card(trained, step=trained.step, mean=mean, measured=measured,
                      hashes=hashes, notes=notes)  # fmt: skip
    write_atomically(card, text)
    return [*written, card]


def host(params: Any) -> Params:
    """Copy the canonical tree to the host, in float32."""
    return {
        layer: {
            part: np.asarray(gather_to_host(value), np.float32) for part, value in parts.items()
        }
        for layer, parts in params.items()
    }


def _save_mean(trained: Trained, to: str, path: Path) -> list[Path]:
    """Write the mean image beside a file that cannot contain it; the card states a mean pixel."""
    mean = np.asarray(gather_to_host(trained.statistics.mean))
    file = path.with_name(path.name + (".mean.binaryproto" if to == "caffe" else ".mean.npy"))
    file.unlink(missing_ok=True)  # it would be that of an earlier network
    if to in ("safetensors", "stablehlo") or bool((mean == mean[:1, :1]).all()):
        return []
    if to == "caffe":
        file.write_bytes(mean_binaryproto(mean))
    else:
        np.save(file, mean, allow_pickle=False)
    return [file]


def _require_same(params: Params, read_back: network.Params, path: Path) -> None:
    for layer, parts in params.items():
        for part, value in parts.items():
            if not np.array_equal(value, read_back[layer][part]):
                raise RuntimeError(f"{path}: {layer}/{part} was not read back as it was written")


def _safetensors(
    trained: Trained,
    params: Params,
    path: Path,
    *,
    measured: Sequence[Mapping[str, Any]],
    dtype: Float,
) -> str:
    from safetensors.numpy import save_file

    arrays = {
        name: np.ascontiguousarray(params[layer][part], dtype)
        for layer, names in names_of(trained.architecture).items()
        for name, part in zip(names, ("kernel", "bias"), strict=True)
    }
    for name in STATISTICS:
        value = np.asarray(gather_to_host(getattr(trained.statistics, name)), np.float32)
        arrays[f"stats/{name}"] = np.ascontiguousarray(value)
    accuracy = last_test(measured, trained.step)
    about = trained.to_json() | {"step": trained.step, "measured": accuracy}
    save_file(arrays, path, metadata={OURS: json.dumps(about)})
    _require_same(params, load("safetensors", path).params, path)
    halved = "" if dtype == "float32" else f"Parameters are rounded to {dtype}. "
    return (
        f"{halved}Kernels in the order height, width, in, out, or in, out; `alexnet-jax import "
        "safetensors` makes a workdir of it again, mean image, classes and all."
    )


def _torchvision(trained: Trained, params: Params, path: Path) -> str:
    require_like(trained.architecture, ("owt",), "torchvision")
    sides = next(p.input for p in trained.architecture.placed() if p.layer.name == "fc6")
    if sides[:2] != (6, 6):
        raise InputError(f"torchvision's network has maps of 6x6 before fc6, found {sides[:2]}")
    try:
        import torch
    except ImportError:
        raise InputError("the kind torchvision needs PyTorch: pip install torch") from None
    state = {}
    for layer, arrays in source_layout(trained.architecture, params).items():
        for name, array in zip(TORCHVISION_NAMES[layer], arrays, strict=True):
            state[name] = torch.from_numpy(array.copy())
    torch.save(state, path)
    read_back = torch.load(path, map_location="cpu", weights_only=True)
    if any(not torch.equal(read_back[name], value) for name, value in state.items()):
        raise RuntimeError(f"{path} was not read back as it was written")
    _require_same(params, load("torchvision", path, layers=widths(trained.architecture)).params,
                  path)  # fmt: skip
    return "A state dict for `torchvision.models.alexnet`; its input as under Preprocessing below."


def _caffe(trained: Trained, params: Params, path: Path) -> str:
    preset = require_like(trained.architecture, CAFFE_PRESETS, "caffe")
    if (trained.architecture.image_size, trained.architecture.channels) != (227, 3):
        raise InputError("Caffe's networks take pictures of 227x227 in colour")
    for_bgr = for_rgb(params, "BGR")
    path.write_bytes(caffemodel(trained.architecture, source_layout(trained.architecture, for_bgr)))
    _require_same(params, load("caffe", path, layers=widths(trained.architecture)).params, path)
    model = {"caffe_alexnet": "bvlc_alexnet", "caffenet": "bvlc_reference_caffenet"}[preset]
    return (
        f"For `models/{model}/deploy.prototxt` of BVLC/caffe, with its widths changed where this "
        "network's are others. conv1 takes blue, green, red, as there: the channels of the "
        "preprocessing below in reverse order."
    )


def _onnx(trained: Trained, params: Params, path: Path) -> str:
    arrays = source_layout(trained.architecture, params)
    path.write_bytes(onnx_model(trained.architecture, arrays, json.dumps(trained.to_json())))
    worst = require_onnx_agrees(trained.architecture, params, path)
    return (
        "Input `images` [batch, channels, height, width] float32, normalized as under "
        f"Preprocessing below; output {_result(trained)}. Read back with onnxruntime: the output "
        f"differs from this project's by {worst:.1e} of its largest value."
    )


def _stablehlo(trained: Trained, params: Params, path: Path) -> str:
    path.write_bytes(stablehlo(trained, params))
    worst = require_stablehlo_agrees(trained, path)
    return (
        f"For `jax.export.deserialize`: stored images [b, {trained.stored_size}, "
        f"{trained.stored_size}, {trained.architecture.channels}] uint8, any number of them, to "
        f"{_result(trained)}, preprocessing after the resizing included; for cpu, cuda and tpu. "
        f"Read back on this machine: the output differs by {worst:.1e} of its largest value."
    )


def _result(trained: Trained) -> str:
    """Return in words what a network computes."""
    if trained.architecture.classifier is not None:
        return "`logits` [batch, classes]"
    return f"`{trained.architecture.layers[-1].name}`, that layer's values"
