"""npy and safetensors files; and torch's zip format without torch."""

from __future__ import annotations

import functools
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import onnx_nets
from helpers.python2 import Python2
from helpers.scripts import call
from helpers.torch_bytes import torch_zip
from helpers.weight_files import (
    BVLC,
    OWT,
    assert_same,
    bgr_input,
    guerzhoy,
    our_activations,
    source_arrays,
    stored,
    torch_names,
    torchvision_input,
    widths,
)
from safetensors.numpy import save_file

from alexnet_jax import InputError, weights


def same(one: Any, other: Any) -> None:
    for layer, parts in one.params.items():
        for part, value in parts.items():
            np.testing.assert_array_equal(value, other.params[layer][part], err_msg=layer)


@pytest.fixture(scope="module")
def npy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("npy") / "bvlc_alexnet.npy"
    np.save(path, guerzhoy(source_arrays("caffe_alexnet")), allow_pickle=True)
    return path


def test_every_layer_of_an_npy_file(npy: Path) -> None:
    found = weights.load("npy", npy, layers=widths(BVLC))
    assert found.architecture.name == "caffe_alexnet"
    images = stored(256, "warp_bilinear")
    graph = onnx_nets.model("caffe_alexnet", source_arrays("caffe_alexnet"), size=227,
                            pool_pads=[0] * 4)  # fmt: skip
    source = onnx_nets.run(graph, bgr_input(images, 227), onnx_nets.values("caffe_alexnet"))
    assert_same(our_activations(found, images), source)


@pytest.mark.parametrize("python", [2, 3])
def test_npy_files_of_old_pickles(tmp_path: Path, npy: Path, python: int) -> None:
    """Protocol 2, of Python 2 as the published file is, and of 3; numpy's modules as of then."""
    held, out = np.empty((), object), io.BytesIO()
    held[()] = guerzhoy(source_arrays("caffe_alexnet"))
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(out, header)
    data = io.BytesIO()
    (Python2 if python == 2 else pickle.Pickler)(data, protocol=2).dump(held)
    old = data.getvalue().replace(b"numpy._core", b"numpy.core")
    assert (b"_codecs" in old) == (python == 3)
    (tmp_path / "old_alexnet.npy").write_bytes(out.getvalue() + old)
    if python == 3:
        (tmp_path / "utf16_alexnet.npy").write_bytes(
            out.getvalue() + old.replace(b"latin1", b"utf-16")
        )
        with pytest.raises(InputError, match="holds bytes as text in 'utf-16'"):
            weights.load("npy", tmp_path / "utf16_alexnet.npy", layers=widths(BVLC))
    same(
        weights.load("npy", npy, layers=widths(BVLC)),
        weights.load("npy", tmp_path / "old_alexnet.npy", layers=widths(BVLC)),
    )


def test_npy_files_of_other_orders(tmp_path: Path, npy: Path) -> None:
    """Arrays that lie column by column, in big-endian bytes."""
    layers = guerzhoy(source_arrays("caffe_alexnet"))
    turned = {
        name: [np.asfortranarray(part).astype(">f4", order="K") for part in parts]
        for name, parts in layers.items()
    }
    np.save(tmp_path / "turned_alexnet.npy", turned, allow_pickle=True)
    assert (tmp_path / "turned_alexnet.npy").read_bytes() != npy.read_bytes()
    same(
        weights.load("npy", npy, layers=widths(BVLC)),
        weights.load("npy", tmp_path / "turned_alexnet.npy", layers=widths(BVLC)),
    )


def test_npy_files_of_dictionaries(tmp_path: Path, npy: Path) -> None:
    """{layer: {"weights", "biases"}}, as later versions of the converter write."""
    layers = guerzhoy(source_arrays("caffe_alexnet"))
    named = {layer: {"weights": kernel, "biases": bias} for layer, (kernel, bias) in layers.items()}
    np.save(tmp_path / "alexnet.npy", named, allow_pickle=True)
    same(
        weights.load("npy", npy, layers=widths(BVLC)),
        weights.load("npy", tmp_path / "alexnet.npy", layers=widths(BVLC)),
    )
    del named["fc7"]["biases"]
    np.save(tmp_path / "alexnet.npy", named, allow_pickle=True)
    with pytest.raises(InputError, match="array fc7/biases is missing, expected 18"):
        weights.load("npy", tmp_path / "alexnet.npy", layers=widths(BVLC))


def test_which_of_two_networks_an_npy_file_holds(tmp_path: Path, npy: Path) -> None:
    """The preset, or else the file's name, says it; where neither does, a warning does."""
    caffenet = tmp_path / "bvlc_reference_caffenet.npy"
    other = tmp_path / "converted.npy"
    for path in (caffenet, other):
        path.write_bytes(npy.read_bytes())
    load = functools.partial(weights.load, "npy", layers=widths(BVLC))
    assert load(npy).architecture.name == "caffe_alexnet"
    assert load(npy, preset="caffenet").architecture.name == "caffenet"
    assert load(caffenet).architecture.name == load(caffenet).config.preset == "caffenet"
    assert load(other, preset="caffenet").architecture.name == "caffenet"
    with pytest.warns(UserWarning, match="taken for caffe_alexnet") as caught:
        assert load(other).architecture.name == "caffe_alexnet"
    assert caught[0].filename == __file__
    with pytest.raises(InputError, match="is caffe_alexnet or caffenet, got the preset 'owt'"):
        load(npy, preset="owt")
    with pytest.raises(InputError, match="a preset is for the kind npy"):
        weights.load("caffe", npy, preset="caffenet")


def test_the_script_passes_the_warning_on(tmp_path: Path, npy: Path) -> None:
    path = tmp_path / "converted.npy"
    path.write_bytes(npy.read_bytes())
    changes = [f"{layer}.maps={count}" for layer, count in BVLC.items()]
    result = call("import_weights", "npy", path, "--workdir", tmp_path / "a", "--set", *changes)
    assert result.status == 0
    assert result.err.startswith(f"note: {path} does not say whether it is caffe_alexnet or caff")
    assert result.err.count("\n") == 1
    arguments = ("--workdir", tmp_path / "b", "--preset", "caffenet", "--set", *changes)
    result = call("import_weights", "npy", path, *arguments)
    assert (result.status, result.err) == (0, "")
    assert result.lines[0] == f"{tmp_path / 'b'}: caffenet of converted.npy"


def test_npy_files_that_are_refused(tmp_path: Path, npy: Path) -> None:
    def refusal(name: str, content: Any) -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content, allow_pickle=True)
        with pytest.raises(InputError) as caught:
            weights.load("npy", path, layers=widths(BVLC), preset="caffe_alexnet")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    layers = guerzhoy(source_arrays("caffe_alexnet"))
    assert "holds (2, 2); expected a dictionary" in refusal("a.npy", np.zeros((2, 2)))
    assert "holds object (1,)" in refusal("b.npy", np.array([{}, {}, [1]], object)[2:])
    assert "holds no dictionary" in refusal("g.npy", np.array(None, object))
    assert "array fc7/1 is missing, expected 18" in refusal(
        "c.npy", layers | {"fc7": layers["fc7"][:1]}
    )
    assert "array conv6/0 1 has no place" in refusal("d.npy", layers | {"conv6": [np.zeros(1)]})
    assert "'conv6' is not a list or dictionary of arrays" in refusal(
        "e.npy", layers | {"conv6": "text"}
    )
    assert "conv3/0 should be 3x3x12x16" in refusal(
        "f.npy", layers | {"conv3": [layers["conv3"][0][:1], layers["conv3"][1]]}
    )
    data = npy.read_bytes()
    for length in (0, 5, 100, len(data) // 2, len(data) - 1):
        refusal("cut.npy", data[:length])
    assert data.count(b"K\x07\x85") == 1  # the shape of fc8's bias, (7,)
    assert "array fc8/1 is not whole" in refusal(
        "shape.npy", data.replace(b"K\x07\x85", b"K\x06\x85")
    )
    assert data.count(b"\x8c\x02f4") == 1
    assert "should be floating point, found q9" in refusal(
        "kind.npy", data.replace(b"\x8c\x02f4", b"\x8c\x02q9")
    )
    claims = data.replace(b"'shape': ()", b"'shape': (9999999999999,)")
    refusal("claims.npy", claims)


def test_safetensors_with_torchvisions_names_and_a_zip_file_are_the_same(tmp_path: Path) -> None:
    named = torch_names(source_arrays("owt"))
    save_file(named, tmp_path / "model.safetensors")
    found = weights.load("safetensors", tmp_path / "model.safetensors", layers=widths(OWT))
    torch_zip(tmp_path / "model.pth", named)
    other = weights.load("torchvision", tmp_path / "model.pth", layers=widths(OWT))
    same(found, other)
    assert found.config.scale == other.config.scale
    ones = np.ones((1, 256, 256, 3), np.uint8) * np.array([10, 100, 200], np.uint8)
    from alexnet_jax.data.augment import centre_views

    views = centre_views(ones, found.statistics, size=224, scale=found.config.scale)
    expected = torchvision_input(ones).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(views, expected, rtol=1e-5)


def test_safetensors_files_that_are_refused(tmp_path: Path) -> None:
    path, named = tmp_path / "a.safetensors", torch_names(source_arrays("owt"))

    def refusal() -> str:
        with pytest.raises(InputError) as caught:
            weights.load("safetensors", path, layers=widths(OWT))
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(str(path))
        return str(caught.value)

    save_file(named, path)
    data = path.read_bytes()
    for length in (0, 4, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert "cut short" in refusal()
    save_file(named | {"head.weight": np.zeros((2, 3), np.float32)}, path)
    assert "array head.weight 2x3 has no place in owt" in refusal()
    save_file(named | {"features.0.bias": np.zeros(8, np.int32)}, path)
    assert "array features.0.bias should be floating point, found I32" in refusal()
    save_file({"a": np.zeros(1, np.float32)}, path)
    assert "array features.0.weight is missing, expected 8x3x11x11 for owt; found a" in refusal()
    save_file(named, path, metadata={"alexnet_jax": "{}"})
    assert "its description of a network cannot be read" in refusal()
