"""From a file of weights to a workdir that the scripts take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from helpers.scripts import assert_refused, call
from helpers.torch_bytes import torch_zip
from helpers.weight_files import (
    OWT,
    our_activations,
    source_arrays,
    stored,
    torch_names,
    torchvision_input,
    widths,
)
from PIL import Image

from alexnet_jax import weights
from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.inference.model import load_checkpoint
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.runs.model_card import CARD
from alexnet_jax.weights.to_workdir import save_workdir

CHANGES = tuple(f"{name}.maps={count}" for name, count in OWT.items())
CLASSES = 16  # as many as `photos` has


def arrays() -> dict[str, np.ndarray]:
    found = source_arrays("owt")
    draw = np.random.default_rng(3)
    found["fc8.weight"] = draw.normal(size=(CLASSES, OWT["fc7"])).astype(np.float32)
    found["fc8.bias"] = draw.normal(size=CLASSES).astype(np.float32)
    return torch_names(found)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(workdir, file, what the script said)."""
    directory = tmp_path_factory.mktemp("imported")
    file = torch_zip(directory / "alexnet.pth", arrays())
    names = directory / "names.txt"
    names.write_text("\n".join(f"place {number}" for number in range(CLASSES)), encoding="utf-8")
    workdir = directory / "runs" / "owt"
    result = call(
        "import_weights", "torchvision", file, "--workdir", workdir, "--classes", names,
        "--data", "photos", "--set", *CHANGES,
    )  # fmt: skip
    assert (result.status, result.err) == (0, "")
    return workdir, file, result


def test_what_a_workdir_holds(imported: Any) -> None:
    workdir, file, result = imported
    assert {path.name for path in workdir.iterdir()} == {
        "config.json", "checkpoints", "MODEL_CARD.md",
    }  # fmt: skip
    found = weights.load("torchvision", file, layers=widths(OWT))
    assert f"sha256 {found.sha256}" in result.lines
    config = json.loads((workdir / "config.json").read_text())["config"]
    assert (config["preset"], config["resize"], config["data"]) == (
        "owt", "short_bilinear", "photos",
    )  # fmt: skip
    trained = load_trained(workdir)
    assert trained.step == 0
    assert trained.class_names[3] == "place 3"
    assert trained.origin == {
        "kind": "torchvision",
        "file": "alexnet.pth",
        "sha256": found.sha256,
        "channel_order": "RGB",
        "preprocessing": "pytorch.org/vision, AlexNet_Weights.IMAGENET1K_V1.transforms",
    }
    for layer, parts in found.params.items():
        for part, value in parts.items():
            np.testing.assert_array_equal(trained.params[layer][part], value)
    card = (workdir / "MODEL_CARD.md").read_text(encoding="utf-8")
    for part in (found.sha256, "owt: images 224 x 224 x 3, 16 classes", "Not measured",
                 "mean pixel (123.6750, 116.2800, 103.5300)", "bilinear", "place 15",
                 "0.017124754, 0.017507003, 0.017429194"):  # fmt: skip
        assert part in card


def test_prediction_from_a_picture_as_torchvision_would_prepare_it(
    imported: Any, tmp_path: Path
) -> None:
    """The file is wider than high and has an odd side, so that every rule of resizing shows."""
    workdir, _, _ = imported
    pixels = stored(256)[1][:201]
    Image.fromarray(pixels).save(tmp_path / "coffee.png")
    _, _, preprocess = load_checkpoint(workdir)
    seen = np.asarray(preprocess([tmp_path / "coffee.png"]))
    # torchvision's Resize(256), CenterCrop(224), ToTensor, Normalize, on Pillow's pictures.
    resized = Image.fromarray(pixels).resize((int(256 * 256 / 201), 256), Image.Resampling.BILINEAR)
    left, top = round((resized.width - 224) / 2), round((256 - 224) / 2)
    crop = np.asarray(resized.crop((left, top, left + 224, top + 224)))
    expected = torchvision_input(crop[None]).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(seen, expected, atol=2e-6)
    result = call("predict", workdir, tmp_path / "coffee.png", "--json")
    (entry,) = json.loads(result.out)
    found = weights.load("torchvision", imported[1], layers=widths(OWT))
    square = np.asarray(resized.crop((left - 16, 0, left + 240, 256)))[None]
    logits = our_activations(found, square)["logits"][0]
    order = np.argsort(logits)[::-1][:5]
    assert [place["index"] for place in entry["predictions"]] == list(order)
    assert entry["predictions"][0]["class"] == f"place {order[0]}"


def few(classes: int = CLASSES) -> Dataset:
    """Two photographs as a data set that tests on both."""
    split = Split(stored(256), np.array([2, 5], np.int32))
    names = tuple(f"place {number}" for number in range(classes))
    return Dataset("photos", split, split, names)


def test_evaluation(imported: Any) -> None:
    workdir, file, _ = imported
    with mock.patch("alexnet_jax.data.load", return_value=few()):
        result = call("evaluate", workdir, "--batch", 2)
    assert (result.status, result.err) == (0, "")
    assert result.lines[:1] == [f"{workdir}, step 0"]
    assert "photos: 2 test images, centre crop" in result.lines
    assert any(line.startswith("note: ") and "short_bilinear" in line for line in result.lines)
    found = weights.load("torchvision", file, layers=widths(OWT))
    logits = our_activations(found, stored(256))["logits"].astype(np.float64)
    loss = np.log(np.exp(logits).sum(-1)) - logits[np.arange(2), [2, 5]]
    assert result.lines[-1].endswith(f"loss {loss.mean():.4f}")


def test_a_workdir_is_not_gone_on_with(imported: Any) -> None:
    workdir, _, _ = imported
    with mock.patch("alexnet_jax.data.load", return_value=few()):
        result = call("train", "photos", "--workdir", workdir, "--set", "batch=2")
    assert_refused(result, workdir, "other settings")


def test_mistakes_write_nothing(imported: Any, tmp_path: Path) -> None:
    workdir, file, _ = imported
    new = tmp_path / "new"
    plain = ("import_weights", "torchvision", file, "--workdir")
    assert_refused(call(*plain, new), "features.0.weight", "64x3x11x11", "8x3x11x11")
    assert_refused(call(*plain, workdir, "--set", *CHANGES), "is not empty")
    assert_refused(call(*plain, file), "is a file")
    assert_refused(call(*plain, ""), "--workdir is empty")
    assert_refused(call(*plain, new, "--set", "conv1"), "--set takes LAYER.FIELD=VALUE")
    assert_refused(call(*plain, new, "--set", "conv9.maps=3"), "no layer conv9")
    assert_refused(call(*plain, new, "--mean", "1,2,3"), "a mean is for")
    assert_refused(
        call("import_weights", "caffe", file, "--workdir", new, "--mean", "1,x,3"), "'x'"
    )
    assert_refused(call(*plain, new, "--classes", tmp_path / "none"), "No such file")
    assert_refused(call(*plain, new, "--classes", file), "not a text file")
    result = call("import_weights", "keras", file, "--workdir", new)
    assert_refused(result, "KIND|NAME must be one of torchvision, caffe", "got 'keras'")
    assert not new.exists()


def test_a_workdir_that_is_there_and_empty(
    imported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays the directory that it is, which may be a mounted disk or where one stands; what a
    stopped import left in it goes, and nothing beside it does."""
    _, file, _ = imported
    found = weights.load("torchvision", file, layers=widths(OWT))
    beside = tmp_path / "here.tmp"
    beside.mkdir()
    workdir = tmp_path / "here"
    (workdir / "import.tmp" / "checkpoints").mkdir(parents=True)
    before = workdir.stat().st_ino
    monkeypatch.chdir(workdir)
    save_workdir(found, Path())
    assert workdir.stat().st_ino == before
    assert {path.name for path in workdir.iterdir()} == {"config.json", "checkpoints", CARD}
    assert load_trained(workdir).class_names[0] == "class 0"
    assert beside.is_dir()


def test_an_import_that_fails_leaves_nothing(
    imported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file, _ = imported
    found = weights.load("torchvision", file, layers=widths(OWT))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alexnet_jax.weights.to_workdir.write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        save_workdir(found, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_data_of_other_classes(imported: Any) -> None:
    with mock.patch("alexnet_jax.data.load", return_value=few(10)):
        assert_refused(call("evaluate", imported[0]), "has 16 classes", "10 classes")


def test_step_0_is_a_checkpoint_like_others(imported: Any) -> None:
    with Checkpoints(imported[0] / "checkpoints") as checkpoints:
        assert checkpoints.steps == [0]
        assert checkpoints.best_step() is None
