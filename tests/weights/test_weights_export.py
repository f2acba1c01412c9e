"""Networks as files for other programs, each read back by its own library."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.trained_net import trained
from helpers.weight_files import LAYERS, stored

import alexnet_jax
from alexnet_jax import InputError, weights
from alexnet_jax.data.augment import centre_views
from alexnet_jax.inference.trained import Trained, load_trained
from alexnet_jax.weights.export import export, host
from alexnet_jax.weights.to_workdir import save_workdir

EXPORT = importlib.import_module("alexnet_jax.weights.export")  # the name is also a function

PRESETS = ("owt", "caffe_alexnet", "caffenet", "paper", "source2012")


def normalized(found: Trained) -> np.ndarray:
    images = stored(256)
    size = found.architecture.image_size
    return np.asarray(centre_views(images, found.statistics, size=size, scale=found.config.scale))


def same(params: Any, again: Any) -> None:
    for layer in LAYERS:
        for part in ("kernel", "bias"):
            np.testing.assert_array_equal(params[layer][part], again[layer][part], err_msg=layer)


@pytest.mark.parametrize("preset", PRESETS)
def test_onnx_gives_every_layer_under_its_name(tmp_path: Path, preset: str) -> None:
    found = trained(preset)
    written = export(found, "onnx", tmp_path / "net.onnx")
    assert [path.name for path in written] == ["net.onnx", "net.onnx.mean.npy", "net.onnx.md"]
    np.testing.assert_array_equal(np.load(written[1]), found.statistics.mean)
    model = onnx.load(written[0])
    (about,) = model.metadata_props
    assert json.loads(about.value)["config"]["channel_std"] == [1.0, 1.5, 2.0]
    run = jax.jit(lambda p, x: alexnet_jax.activations(found.architecture, p, x))
    images = normalized(found)
    ours = run(found.params, images)
    del model.graph.output[:]
    for name in ours:
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values = session.run(list(ours), {"images": images.transpose(0, 3, 1, 2).copy()})
    for (name, own), value in zip(ours.items(), values, strict=True):
        own = np.asarray(own)
        value = value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
        assert np.abs(own - value).max() <= 1e-5 * np.abs(own).max(), name


def test_what_onnx_cannot_say(tmp_path: Path) -> None:
    even = trained("paper", layers={"lrn1": {"n": 4}})
    with pytest.raises(InputError, match="lrn1 normalizes over 4 maps"):
        export(even, "onnx", tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("preset", ["caffe_alexnet", "caffenet"])
def test_caffe_is_read_back_bit_by_bit(tmp_path: Path, preset: str) -> None:
    found = trained(preset)
    written = export(found, "caffe", tmp_path / "net.caffemodel")
    widths = {p.layer.name: {"maps": p.output[-1]} for p in found.architecture.placed()
              if p.kernel is not None and p.layer.name != "fc8"}  # fmt: skip
    again = weights.load("caffe", written[0], mean=written[1], layers=widths)
    assert again.architecture.name == preset
    same(found.params, again.params)
    np.testing.assert_array_equal(again.statistics.mean, found.statistics.mean)


def test_safetensors_hold_everything(tmp_path: Path) -> None:
    found = trained("source2012")
    (path, card) = export(found, "safetensors", tmp_path / "net.safetensors")
    again = weights.load("safetensors", path)
    same(found.params, again.params)
    assert again.architecture == found.architecture
    assert again.config == found.config
    assert again.class_names == found.class_names
    for name, value in found.statistics._asdict().items():
        np.testing.assert_array_equal(getattr(again.statistics, name), value)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256 == again.sha256
    text = card.read_text(encoding="utf-8")
    for part in (sha256, "source2012: images 224", "centre 224x224 of a mean image of 256x256",
                 "0.015625, 0.010416667, 0.0078125", "| steps | 9 |", "Not measured"):  # fmt: skip
        assert part in text


def test_what_was_averaged_is_not_looked_for_again(tmp_path: Path) -> None:
    """A run that kept an average of its weights exports that; the copy has one set of weights."""
    found = trained("caffenet")
    kept = dataclasses.replace(found, config=dataclasses.replace(found.config, ema=0.9))
    (path, _) = export(kept, "safetensors", tmp_path / "net.safetensors")
    again = weights.load("safetensors", path)
    assert again.config.ema == 0
    save_workdir(again, tmp_path / "again")
    same(found.params, load_trained(tmp_path / "again").params)


def test_stablehlo_takes_any_number_of_stored_images(tmp_path: Path) -> None:
    found = trained("source2012")
    (path, _) = export(found, "stablehlo", tmp_path / "net.stablehlo")
    again = jax.export.deserialize(bytearray(path.read_bytes()))
    assert again.platforms == ("cpu", "cuda", "tpu")
    images = stored(256)
    ours = np.asarray(found.logits()(found.params, images, found.statistics))
    for count in (1, 2):
        logits = np.asarray(again.call(images[:count]))
        np.testing.assert_allclose(logits, ours[:count], atol=1e-5 * np.abs(ours).max())


def test_what_was_trained_in_bfloat16_is_written_and_compared_in_float32(tmp_path: Path) -> None:
    found = trained("caffenet")
    config = dataclasses.replace(found.config, dtype="bfloat16")
    (path, _) = export(
        dataclasses.replace(found, config=config), "stablehlo", tmp_path / "n.stablehlo"
    )
    images = stored(256)
    ours = np.asarray(found.logits()(found.params, images, found.statistics))
    logits = np.asarray(jax.export.deserialize(bytearray(path.read_bytes())).call(images))
    np.testing.assert_allclose(logits, ours, atol=1e-5 * np.abs(ours).max())


def test_no_mean_image_of_an_earlier_network_is_left_beside_a_file(tmp_path: Path) -> None:
    found = trained("caffenet")
    path = tmp_path / "net.caffemodel"
    assert len(export(found, "caffe", path)) == 3
    pixel = found.statistics._replace(mean=np.full((256, 256, 3), 9, np.float32))
    export(dataclasses.replace(found, statistics=pixel), "caffe", path)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, f"{path.name}.md"}
    assert "mean pixel (9.0000, 9.0000, 9.0000)" in Path(f"{path}.md").read_text(encoding="utf-8")


def test_torchvision_is_a_state_dict(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make torch` does it")
    found = trained("owt")
    (path, mean, _) = export(found, "torchvision", tmp_path / "net.pth")
    assert mean.name == "net.pth.mean.npy"
    state = torch.load(path, weights_only=True)
    n = torch.nn
    w = {p.layer.name: p.output[-1] for p in found.architecture.placed() if p.kernel is not None}
    net = n.Sequential(
        n.Conv2d(3, w["conv1"], 11, 4, 2), n.ReLU(), n.MaxPool2d(3, 2),
        n.Conv2d(w["conv1"], w["conv2"], 5, padding=2), n.ReLU(), n.MaxPool2d(3, 2),
        n.Conv2d(w["conv2"], w["conv3"], 3, padding=1), n.ReLU(),
        n.Conv2d(w["conv3"], w["conv4"], 3, padding=1), n.ReLU(),
        n.Conv2d(w["conv4"], w["conv5"], 3, padding=1), n.ReLU(), n.MaxPool2d(3, 2),
        n.Flatten(), n.Linear(w["conv5"] * 36, w["fc6"]), n.ReLU(),
        n.Linear(w["fc6"], w["fc7"]), n.ReLU(), n.Linear(w["fc7"], 7),
    )  # fmt: skip
    net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
    images = normalized(found)
    with torch.no_grad():
        theirs = net.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    run = jax.jit(lambda p, x: alexnet_jax.forward(found.architecture, p, x))
    ours = np.asarray(run(found.params, images))
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(ours).max()


@pytest.mark.parametrize("mask", [0o022, 0o027])
def test_files_have_the_mode_that_the_umask_says(tmp_path: Path, mask: int) -> None:
    """Also safetensors, whose library gives a file to its owner alone."""
    before = os.umask(mask)
    try:
        found = trained("caffenet")
        written = export(found, "safetensors", tmp_path / "net.safetensors")
        written += export(found, "caffe", tmp_path / "net.caffemodel")
    finally:
        os.umask(before)
    assert len(written) == 5
    assert {file.stat().st_mode & 0o777 for file in written} == {0o666 & ~mask}


def test_networks_that_a_kind_does_not_hold(tmp_path: Path) -> None:
    for preset, kind, suffix in (
        ("paper", "caffe", ".caffemodel"),
        ("caffenet", "torchvision", ".pth"),
        ("owt", "caffe", ".caffemodel"),
    ):
        with pytest.raises(InputError, match=f"the kind {kind} holds networks like"):
            export(trained(preset), kind, tmp_path / f"net{suffix}")
    for kind, name, said in (
        ("keras", "net.h5", "unknown kind 'keras'"),
        ("onnx", "net.pb", r"must end in \.onnx"),
    ):
        with pytest.raises(InputError, match=said):
            export(trained("owt"), kind, tmp_path / name)
    with pytest.raises(InputError, match=r"maps of 6x6 before fc6, found \(8, 8\)"):
        export(trained("owt", image_size=288), "torchvision", tmp_path / "net.pth")
    with pytest.raises(InputError, match="take pictures of 227x227 in colour"):
        export(trained("caffenet", image_size=259), "caffe", tmp_path / "net.caffemodel")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "suffix"), [("safetensors", ".safetensors"), ("caffe", ".caffemodel")]
)
def test_arrays_that_are_not_read_back_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, suffix: str
) -> None:
    def changed(*arguments: Any, **more: Any) -> weights.Weights:
        found = weights.load(*arguments, **more)
        found.params["fc7"]["bias"][3] += np.float32(1e-6)
        return found

    monkeypatch.setattr(EXPORT, "load", changed)
    with pytest.raises(RuntimeError, match="fc7/bias was not read back as it was written"):
        export(trained("caffenet"), kind, tmp_path / f"net{suffix}")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_as_written_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trained("caffenet")
    wrong = host(found.params)
    wrong["conv2"]["kernel"] = wrong["conv2"]["kernel"] * np.float32(1.5)
    changed = dataclasses.replace(found, params=wrong)
    # What is written is another network than the one it is compared with.
    monkeypatch.setattr(EXPORT, "host", lambda _: host(changed.params))
    with pytest.raises(RuntimeError, match="apart from ours"):
        export(found, "stablehlo", tmp_path / "net.stablehlo")
    assert not list(tmp_path.iterdir())
