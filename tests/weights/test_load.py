"""A network in one line, from whatever holds its weights; the kind is told from the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers import caffe_files, onnx_nets
from helpers.torch_bytes import torch_old, torch_zip
from helpers.weight_files import (
    BVLC,
    NAMED,
    OWT,
    guerzhoy,
    source_arrays,
    widths,
    write,
)
from safetensors.numpy import save_file

import alexnet_jax
from alexnet_jax import InputError, weights
from alexnet_jax.inference import Model
from alexnet_jax.runs import CARD

CAFFE = source_arrays("caffenet")


def write_npy(path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, guerzhoy(source_arrays("caffe_alexnet")), allow_pickle=True)


def write_onnx(path: Path) -> None:
    onnx.save(onnx_nets.model("caffenet", CAFFE, size=227, pool_pads=[0] * 4), path)


def write_caffe(path: Path) -> None:
    write(path, caffe_files.net(CAFFE, caffe_files.layers("caffenet"), legacy=False))


# Name of the file, how it is written, its kind, and the widths that it does not say.
FILES: dict[str, tuple[Callable[[Path], object], str, dict[str, int]]] = {
    "alexnet.pth": (lambda path: torch_zip(path, NAMED), "torchvision", OWT),
    "zip without an ending": (lambda path: torch_zip(path, NAMED), "torchvision", OWT),
    "old.bin": (lambda path: torch_old(path, NAMED), "torchvision", OWT),
    "net.caffemodel": (write_caffe, "caffe", BVLC),
    "NET.CAFFEMODEL": (write_caffe, "caffe", BVLC),
    "net.onnx": (write_onnx, "onnx", BVLC),
    "bvlc_alexnet.npy": (write_npy, "npy", BVLC),
    "bvlc_alexnet": (write_npy, "npy", BVLC),
    "model.safetensors": (lambda path: save_file(NAMED, path), "safetensors", OWT),
    "model.pth": (lambda path: save_file(NAMED, path), "safetensors", OWT),
}


@pytest.mark.parametrize("name", FILES)
def test_the_kind_is_told_from_the_file(tmp_path: Path, name: str) -> None:
    """What `weights.load` reads of the kind."""
    writer, kind, maps = FILES[name]
    writer(tmp_path / name)
    found: Any = alexnet_jax.load(str(tmp_path / name), layers=widths(maps))
    want = weights.load(kind, tmp_path / name, layers=widths(maps))
    assert isinstance(found, Model)
    assert (found.kind, found.file, found.sha256) == (kind, name, want.sha256)
    assert found.architecture == want.architecture
    assert found.description() == want.description()
    for layer, parts in want.params.items():
        for part, value in parts.items():
            np.testing.assert_array_equal(found.params[layer][part], value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("weights.bin", b"seven and eight", "neither its ending nor its first bytes tell its kind"),
        (
            "a.stablehlo",
            b"ML\xefR",
            "takes it as one of torchvision, caffe, onnx, npy, safetensors",
        ),
        ("none.pth", b"", "none.pth is empty"),
        ("text.pth", b"seven and eight", "not a file of torch.save"),
        ("a.npy", b"seven and eight", "a.npy is not a .npy file"),
        ("a.safetensors", b"\x09\0\0\0\0\0\0\0{", "is not a safetensors file, or is cut short"),
        ("a.caffemodel", b"\xff\xff", "a.caffemodel"),
        ("a.onnx", b"\xff\xff", "a.onnx"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        alexnet_jax.load(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with what there is; a preset is made, not loaded."""
    monkeypatch.chdir(tmp_path)
    nothing = "no such workdir or file of weights; by name,"
    every = f"there are {', '.join([*weights.BUNDLED, *weights.PUBLISHED_FILES])}"
    for source, told in (
        ("seven", f"^seven: {nothing} {every}$"),
        ("torchvison", rf"^torchvison: {nothing} did you mean 'torchvision'\? {every}$"),
        ("owt", rf"{every}; create\('owt'\) makes a network of this preset$"),
        ("x" * 5000, nothing),
        (".", r"^\. holds no checkpoints; give the workdir of a training run$"),
        ("", "^load takes a workdir, a file of weights or a name, got ''$"),
        (7, "^load takes a workdir, a file of weights or a name, got 7$"),
        (b"a", "^load takes a workdir, a file of weights or a name, got b'a'$"),
    ):
        with pytest.raises(InputError, match=told):
            alexnet_jax.load(source)  # type: ignore[arg-type]


def test_a_published_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the cache, also for a network that is created; a path of that name goes first."""
    monkeypatch.setenv("ALEXNET_JAX_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    file = torch_zip(tmp_path / "weights" / "net.pth", NAMED)
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    entry = weights.PublishedFile("torchvision", "http://nowhere/net.pth", digest, "", "")
    monkeypatch.setitem(weights.PUBLISHED_FILES, "ours", entry)
    found: Any = alexnet_jax.load("ours", layers=widths(OWT))
    assert (found.file, found.sha256) == ("net.pth", digest.removeprefix("sha256:"))
    created = alexnet_jax.create("owt", weights="ours", layers=widths(OWT))
    np.testing.assert_array_equal(created.params["fc8"]["bias"], NAMED["classifier.6.bias"])
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "ours", b"")
    with pytest.raises(InputError, match=r"^ours is empty$"):
        alexnet_jax.load("ours")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, weights.Weights]:
    """Imported weights, and what was imported."""
    directory = tmp_path_factory.mktemp("imported")
    file = torch_zip(directory / "alexnet.pth", NAMED)
    found = weights.load("torchvision", file, layers=widths(OWT))
    weights.save_workdir(found, directory / "owt")
    return directory / "owt", found


def test_a_workdir_of_imported_weights(workdir: tuple[Path, weights.Weights]) -> None:
    """The same network as that of the file, with the same model card as the workdir's."""
    path, imported = workdir
    found = alexnet_jax.load(path)
    assert found.architecture == imported.architecture
    assert found.class_names == imported.class_names
    card = (path / CARD).read_text(encoding="utf-8")
    assert found.card == imported.card == card
    assert f"alexnet.pth: `{imported.sha256}`" in card
    pictures = np.random.default_rng(0).integers(0, 256, (1, 300, 260, 3), np.uint8)
    inputs = [np.asarray(model.preprocess(pictures)) for model in (found, imported)]
    np.testing.assert_array_equal(*inputs)


def test_options_of_the_other_kind_of_source(workdir: tuple[Path, weights.Weights]) -> None:
    path, _ = workdir
    with pytest.raises(InputError, match="owt is a workdir, which knows its own class_names"):
        alexnet_jax.load(path, class_names=["a"])
    with pytest.raises(InputError, match="is a file of weights and has no checkpoint 'best'"):
        alexnet_jax.load(path.parent / "alexnet.pth", checkpoint="best")
    with pytest.raises(InputError, match="owt has no checkpoint '3'; there are best, latest and"):
        alexnet_jax.load(path, checkpoint="3")


def test_a_damaged_record_of_a_run_is_told_and_the_weights_are_loaded(
    workdir: tuple[Path, weights.Weights], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.save_workdir(workdir[1], tmp_path / "owt")
    (tmp_path / "owt" / "config.json").write_text("{}")
    found = alexnet_jax.load(tmp_path / "owt")
    assert found.architecture == workdir[1].architecture
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'owt' / 'config.json'} has format None; ")
    assert told.endswith("; the model card lacks what it says\n")
    assert told.count("\n") == 1
