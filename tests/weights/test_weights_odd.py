"""Files that are nearly right: each odd in one way, and told of in a line or taken as it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnx
import pytest
from helpers import caffe_files, onnx_nets
from helpers.torch_bytes import pickled, torch_zip
from helpers.trained_net import trained
from helpers.weight_files import BVLC, OWT, source_arrays, torch_names, widths, write
from safetensors.numpy import load_file, save_file

from alexnet_jax import InputError, weights
from alexnet_jax.data.sources.ilsvrc import class_names
from alexnet_jax.weights import published
from alexnet_jax.weights.export import export

CAFFE = source_arrays("caffe_alexnet")


def refusal(kind: str, path: Path, **more: Any) -> str:
    maps = {"torchvision": OWT, "safetensors": None}.get(kind, BVLC)
    with pytest.raises(InputError) as caught:
        weights.load(kind, path, layers=maps and widths(maps), **more)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 700
    return text


def test_what_wrapped_a_network_is_taken_off_its_names(tmp_path: Path) -> None:
    named = torch_names(source_arrays("owt"))
    plain = weights.load("torchvision", torch_zip(tmp_path / "a.pth", named), layers=widths(OWT))
    for number, (where, wrapper) in enumerate(
        (("", "module."), ("", "_orig_mod.module."), ("features.", "module."))
    ):
        wrapped = {
            name.replace(where, where + wrapper, 1) if where else wrapper + name: value
            for name, value in named.items()
        }
        path = torch_zip(tmp_path / f"{number}.pth", wrapped)
        found = weights.load("torchvision", path, layers=widths(OWT))
        for layer, parts in plain.params.items():
            np.testing.assert_array_equal(parts["kernel"], found.params[layer]["kernel"])
    both = named | {"module.features.0.bias": named["features.0.bias"]}
    path = torch_zip(tmp_path / "b.pth", both)
    assert "two tensors are called features.0.bias" in refusal("torchvision", path)


def test_tensors_of_the_first_pytorch(tmp_path: Path) -> None:
    named = torch_names(source_arrays("owt"))

    def older(records: dict[str, bytes]) -> None:
        records["data.pkl"] = records["data.pkl"].replace(b"_rebuild_tensor_v2", b"_rebuild_tensor")

    path = torch_zip(tmp_path / "a.pth", named, change=older)
    found = weights.load("torchvision", path, layers=widths(OWT))
    np.testing.assert_array_equal(found.params["fc8"]["bias"], named["classifier.6.bias"])


def test_a_thousand_classes_are_imagenets_by_their_synsets(tmp_path: Path) -> None:
    """So that a training on ImageNet, whose classes have these names, keeps the classifier. A
    tabby cat is the 282nd in torchvision's and in Caffe's order."""
    arrays = source_arrays("owt")
    arrays["fc8.weight"] = np.zeros((1000, OWT["fc7"]), np.float32)
    arrays["fc8.bias"] = np.zeros(1000, np.float32)
    path = torch_zip(tmp_path / "a.pth", torch_names(arrays))
    found = weights.load("torchvision", path, layers=widths(OWT))
    assert found.class_ids == found.description().class_names == class_names()
    assert (found.class_ids[281], found.class_names[281]) == ("n02123045", "tabby")
    assert not found.is_published
    numbered = torch_zip(tmp_path / "b.pth", torch_names(source_arrays("owt")))
    assert weights.load("torchvision", numbered, layers=widths(OWT)).class_names[6] == "class 6"


@pytest.mark.parametrize("kind", ["sha256", "sha1"])
def test_the_file_that_was_measured_is_known_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    arrays = CAFFE | {"fc8.weight": np.zeros((1000, BVLC["fc7"]), np.float32)}
    arrays["fc8.bias"] = np.zeros(1000, np.float32)
    data = caffe_files.net(arrays, caffe_files.layers("caffe_alexnet"), legacy=True)
    path = write(tmp_path / "a.caffemodel", data)
    measured = published.CAFFE_MEASURED["caffe_alexnet"]
    digest = hashlib.new(kind, data).hexdigest()
    for said, known in ((digest[:8], True), (digest, True), (f"0{digest[:7]}", False), ("", False)):
        changed = dataclasses.replace(measured, digest=f"{kind}:{said}")
        monkeypatch.setitem(published.CAFFE_MEASURED, "caffe_alexnet", changed)
        found = weights.load("caffe", path, layers=widths(BVLC))
        assert (found.is_published, found.published) == (known, changed)
        assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_weights_stay_what_they_were_when_the_file_changes(tmp_path: Path) -> None:
    named = torch_names(source_arrays("owt"))
    path = torch_zip(tmp_path / "a.pth", named)
    found = weights.load("torchvision", path, layers=widths(OWT))
    with open(path, "r+b") as file:
        file.write(bytes(path.stat().st_size))
    np.testing.assert_array_equal(found.params["fc8"]["bias"], named["classifier.6.bias"])
    np.testing.assert_array_equal(found.params["fc8"]["kernel"], named["classifier.6.weight"].T)
    assert all(value.flags.c_contiguous for value in jax.tree.leaves(found.params))


def test_messages_are_short_whatever_names_a_file_has(tmp_path: Path) -> None:
    long = {"x" * 100_000: np.zeros(1, np.float32)}
    assert "..." in refusal("torchvision", torch_zip(tmp_path / "a.pth", long))
    content = pickled({("x" * 100_000,): 3})
    assert "is no tensor" in refusal(
        "torchvision", torch_zip(tmp_path / "b.pth", {}, content=content)
    )


def test_caffe_files(tmp_path: Path) -> None:
    path, described = tmp_path / "a.caffemodel", caffe_files.layers("caffe_alexnet")
    # A network that was fine-tuned with Caffe's flickr example reads its pictures itself.
    data = [("data", "ImageData", {}) if kind == "Data" else (name, kind, said)
            for name, kind, said in described]  # fmt: skip
    for legacy in (False, True):
        write(path, caffe_files.net(CAFFE, data, legacy=legacy))
        assert weights.load("caffe", path, layers=widths(BVLC)).architecture.classes == 7
    twice = [("conv1" if name == "conv3" else name, kind, said) for name, kind, said in described]
    write(path, caffe_files.net(CAFFE, twice, legacy=False))
    assert "has two layers called conv1" in refusal("caffe", path)
    net = caffe_files.message("NetParameter")()
    net.layers.add()
    write(path, net.SerializeToString())
    assert "is of Caffe's first format, which its upgrade_net_proto_binary" in refusal(
        "caffe", path
    )
    net = caffe_files.message("NetParameter").FromString(
        caffe_files.net(CAFFE, described, legacy=False, double=True)
    )
    bias = next(layer for layer in net.layer if layer.name == "conv1").blobs[1]
    del bias.double_data[-1:]
    write(path, net.SerializeToString())
    assert "conv1/1 should have the numbers of 8, found 7" in refusal("caffe", path)


@pytest.mark.parametrize("sides", [(1 << 32, 1 << 32, 1), (-1, 3, 3), (3, 256, 256)])
def test_mean_files_whose_sides_are_not_their_numbers(tmp_path: Path, sides: Any) -> None:
    """Among them some whose product is 0 in 64 bits."""
    path = write(
        tmp_path / "a.caffemodel",
        caffe_files.net(CAFFE, caffe_files.layers("caffe_alexnet"), legacy=False),
    )
    blob = caffe_files.message("BlobProto")()
    blob.shape.dim.extend(sides)
    write(tmp_path / "mean.binaryproto", blob.SerializeToString())
    said = refusal("caffe", path, mean=tmp_path / "mean.binaryproto")
    assert "array mean should have the numbers of" in said
    # A double cut in its middle is no number: field 8 with seven bytes.
    write(tmp_path / "mean.binaryproto", b"\x42\x07" + bytes(7))
    assert "found 0" in refusal("caffe", path, mean=tmp_path / "mean.binaryproto")


@pytest.mark.parametrize("field", ["input", "output"])
def test_onnx_operations_without_an_end(tmp_path: Path, field: str) -> None:
    proto = onnx_nets.model("caffe_alexnet", CAFFE, size=224, pool_pads=[0, 0, 1, 1])
    del getattr(proto.graph.node[3], field)[:]
    onnx.save(proto, tmp_path / "a.onnx")
    said = refusal("onnx", tmp_path / "a.onnx")
    assert ("does not follow" if field == "input" else "has no output") in said


def test_onnx_arrays_and_attributes_of_no_kind(tmp_path: Path) -> None:
    proto = onnx_nets.model("caffe_alexnet", CAFFE, size=224, pool_pads=[0, 0, 1, 1])
    proto.graph.initializer[0].data_type = 99
    (tmp_path / "a.onnx").write_bytes(proto.SerializeToString())
    assert "unknown dtype" in refusal("onnx", tmp_path / "a.onnx")
    strides = next(a for a in proto.graph.node[0].attribute if a.name == "strides")
    strides.type = onnx.AttributeProto.FLOAT
    (tmp_path / "a.onnx").write_bytes(proto.SerializeToString())
    assert "strides should be of the kind INTS" in refusal("onnx", tmp_path / "a.onnx")
    strides.type = onnx.AttributeProto.INTS
    del strides.ints[1:]
    (tmp_path / "a.onnx").write_bytes(proto.SerializeToString())
    assert "strides should be 2 numbers, got 1" in refusal("onnx", tmp_path / "a.onnx")


def test_an_onnx_file_of_ours_is_not_taken_for_torchvisions(tmp_path: Path) -> None:
    """Its mean image is not torchvision's, and not in it."""
    (path, *_) = export(trained("owt"), "onnx", tmp_path / "net.onnx")
    assert "export the network as safetensors" in refusal("onnx", path)
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert kinds == {"Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Identity"}


def test_a_header_of_npy_that_ends_in_its_middle(tmp_path: Path) -> None:
    header = b"{'descr': ('|O', 'fortran_order': False, 'shape': (), }\n"
    write(tmp_path / "a.npy", b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)
    assert "is not a .npy file" in refusal("npy", tmp_path / "a.npy")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A file of this project: its arrays and its description."""
    path = tmp_path_factory.mktemp("ours") / "net.safetensors"
    export(trained("source2012"), "safetensors", path)
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return load_file(path), json.loads(file.metadata()["alexnet_jax"])


@pytest.mark.parametrize(
    ("arrays", "said", "told"),
    [
        ({"stats/mean": np.zeros((10, 10, 3), np.float32)}, {"stored_size": 10},
         "stored images of 10 pixels are smaller than source2012 takes, 224"),
        ({"stats/mean": np.full((256, 256, 3), np.nan, np.float32)}, {}, "stats/mean holds values"),
        ({"stats/eigenvectors": np.zeros((3, 4), np.float32)}, {},
         "stats/eigenvectors should be float32 (3, 3), found float32 (3, 4)"),
        ({"stats/deviations": np.zeros(3)}, {}, "float32 (3,), found float64 (3,)"),
        ({}, {"origin": [1]}, "has no origin"),
        ({}, {"origin": {"kind": "torchvision"}}, "where it is from cannot be read"),
        ({}, {"origin": {"kind": "npy", "file": "a", "sha256": "b", "published": {"top1": "no"}}},
         "where it is from cannot be read"),
        ({}, {"class_names": ["a"]}, "does not name its 7 classes"),
        ({}, {"config": 3}, "has no settings"),
        ({}, "[" * 100_000, "description of a network cannot be read"),
    ],
)  # fmt: skip
def test_descriptions_that_do_not_fit(
    tmp_path: Path, ours: Any, arrays: dict[str, np.ndarray], said: Any, told: str
) -> None:
    path = tmp_path / "a.safetensors"
    text = said if isinstance(said, str) else json.dumps(ours[1] | said)
    save_file(ours[0] | arrays, path, metadata={"alexnet_jax": text})
    assert told in refusal("safetensors", path)


def test_a_file_that_says_what_its_layers_are(tmp_path: Path, ours: Any) -> None:
    path = tmp_path / "a.safetensors"
    save_file(ours[0], path, metadata={"alexnet_jax": json.dumps(ours[1])})
    with pytest.raises(InputError, match="says itself what its layers are"):
        weights.load("safetensors", path, layers=widths(BVLC))


def test_as_many_deviations_as_channels(tmp_path: Path, ours: Any) -> None:
    about = ours[1] | {"config": ours[1]["config"] | {"channel_std": [1.0]}}
    save_file(ours[0], tmp_path / "a.safetensors", metadata={"alexnet_jax": json.dumps(about)})
    assert "channel_std has 1 values for 3" in refusal("safetensors", tmp_path / "a.safetensors")
