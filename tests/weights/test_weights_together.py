"""A file of weights from its import to a network of one's own: trained on a folder, evaluated,
asked, and taken out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import caffe_files
from helpers.scripts import call
from helpers.torch_bytes import torch_zip
from helpers.weight_files import (
    BVLC,
    OWT,
    guerzhoy,
    source_arrays,
    stored,
    torch_names,
    widths,
    write,
)
from PIL import Image

from alexnet_jax import weights
from alexnet_jax.inference.trained import load_trained

FROZEN = ("conv1", "conv2", "conv3")


def made(kind: str, directory: Path) -> Path:
    """A narrow network's file of a kind."""
    if kind == "torchvision":
        return torch_zip(directory / "net.pth", torch_names(source_arrays("owt")))
    if kind == "caffe":
        layers = caffe_files.layers("caffenet")
        data = caffe_files.net(source_arrays("caffenet"), layers, legacy=True)
        return write(directory / "net.caffemodel", data)
    np.save(directory / "alexnet.npy", guerzhoy(source_arrays("caffe_alexnet")), allow_pickle=True)
    return directory / "alexnet.npy"


def pictures(directory: Path) -> None:
    """DIRECTORY/train/CLASS/K.png: parts of two photographs."""
    for name, picture in zip(("cat", "coffee"), stored(256), strict=True):
        (directory / "train" / name).mkdir(parents=True)
        for number in range(6):
            part = Image.fromarray(picture[8 * number :, : 256 - 8 * number])
            part.save(directory / "train" / name / f"{number}.png")


@pytest.mark.parametrize(
    ("kind", "preset", "out"),
    [
        pytest.param("torchvision", "owt", "onnx", marks=pytest.mark.exhaustive),
        ("caffe", "caffenet", "caffe"),
        pytest.param("npy", "caffe_alexnet", "caffe", marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.slow
def test_from_a_file_to_a_network_of_ones_own(
    tmp_path: Path, kind: str, preset: str, out: str
) -> None:
    maps = OWT if preset == "owt" else BVLC
    narrow = [f"{name}.maps={count}" for name, count in maps.items()]
    file, imported, run = made(kind, tmp_path), tmp_path / "imported", tmp_path / "run"
    done: list[Any] = []

    def do(*arguments: object) -> str:
        done.append(call(*map(str, arguments)))
        assert (done[-1].status, done[-1].err) == (0, ""), (arguments, done[-1].err)
        return str(done[-1].out)

    do("import_weights", kind, file, "--workdir", imported, "--set", *narrow)
    pictures(tmp_path / "pictures")
    do("prepare", "folder", "--images", tmp_path / "pictures", "--name", "mine", "--data-dir",
       tmp_path / "data", "--workers", 1)  # fmt: skip
    scale = ("pixel_scale=0.00392156862745098", "channel_std=0.229,0.224,0.225")
    said = do(
        "train", "photos", "--workdir", run, "--data", "mine", "--data-dir", tmp_path / "data",
        "--start-from", imported, "--steps", 2, "--set", f"preset={preset}", "init=preset",
        "batch=4", "ema=0", "drop_epochs=", "schedule=constant", f"freeze={','.join(FROZEN)}",
        "layer_rates=fc8:10", *(scale if preset == "owt" else ("pixel_scale=1",)),
        *(f"layers.{change}" for change in narrow),
    )  # fmt: skip
    assert f"weights of {imported}, step 0; fc8 is new, for 2 classes" in said
    assert "note:" not in said  # of another scale, or another network
    before, after = load_trained(imported), load_trained(run)
    for layer in before.params:
        same = np.array_equal(before.params[layer]["kernel"], after.params[layer]["kernel"])
        assert same == (layer in FROZEN), layer
    assert "2 test images" in do("evaluate", run)
    found = json.loads(do("predict", run, tmp_path / "pictures" / "train" / "cat", "--json"))
    assert len(found) == 6
    assert {place["class"] for place in found[0]["predictions"]} == {"cat", "coffee"}
    suffix = {"onnx": ".onnx", "caffe": ".caffemodel"}[out]
    do("export", run, "--to", out, "--out", tmp_path / f"mine{suffix}")
    card = (tmp_path / f"mine{suffix}.md").read_text(encoding="utf-8")
    digest = json.loads((run / "config.json").read_text())["start_sha256"]
    for part in (f"began with the weights of `{imported}`, parameters `{digest}`", "cat, coffee",
                 "| freeze | ('conv1', 'conv2', 'conv3') |"):  # fmt: skip
        assert part in card
    assert digest in (imported / "MODEL_CARD.md").read_text(encoding="utf-8")
    if out == "caffe":
        again = weights.load("caffe", tmp_path / f"mine{suffix}", layers=widths(maps))
        np.testing.assert_array_equal(again.params["conv1"]["kernel"],
                                      before.params["conv1"]["kernel"])  # fmt: skip
