"""Files that version 0.1.0 wrote are still read.

`files/version_0_1.tar.xz` holds a training of four steps of the digits' network with narrow layers,
its export as safetensors, and a data set of 18 pictures that `prepare.py folder` and `prepare.py
pack` made. All numbers here are that version's.
"""

import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from helpers.scripts import call, measurements

from alexnet_jax import data, weights
from alexnet_jax.data import Split

FILES = Path(__file__).parents[1] / "files" / "version_0_1.tar.xz"
FINGERPRINT = "402251272329a6836f753c3690cfefeb4510ff0357549b06757427d1a2d74a3f"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    with tarfile.open(FILES) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_a_workdir_is_evaluated_and_resumed(files: Path) -> None:
    report = files / "evaluated.json"
    assert call("evaluate", files / "workdir", "--json", report).status == 0
    found = json.loads(report.read_text())
    assert found["steps"] == [4]
    assert found["loss"] == pytest.approx(2.3047103034125436, abs=1e-5)
    assert (found["top1"], found["top5"]) == (38 / 360, 163 / 360)
    changes = json.loads((files / "workdir" / "config.json").read_text())["config"]
    settings = [f"layers.{layer}.maps={kept['maps']}" for layer, kept in changes["layers"].items()]
    for name in ("batch", "ema", "momentum", "evaluate_every", "checkpoint_every"):
        settings.append(f"{name}={changes[name]}")
    options = [word for setting in settings for word in ("--set", setting)]
    resumed = call("train", "digits", "--workdir", files / "workdir", "--steps", 6, *options)
    assert (resumed.status, resumed.err) == (0, "")
    assert "resumed at step 4" in resumed.lines
    lines = measurements(files / "workdir")
    assert [line["step"] for line in lines if line.get("split") == "test"] == [2, 4, 6]


def test_an_exported_file_holds_the_same_weights(files: Path) -> None:
    # The average of the weights, since that is what was evaluated.
    read = weights.load("safetensors", files / "net.safetensors")
    assert read.architecture.layers[0].maps == 4
    assert len(read.class_names) == 10
    call("import_weights", "safetensors", files / "net.safetensors", "--workdir", files / "again")
    report = files / "evaluated.json"
    assert call("evaluate", files / "again", "--json", report).status == 0
    assert json.loads(report.read_text())["loss"] == pytest.approx(2.3047103034125436, abs=1e-5)


def pixels(split: Split) -> str:
    images = np.ascontiguousarray(split.images[np.arange(len(split))])
    return hashlib.sha256(images).hexdigest()


@pytest.mark.parametrize("packed", [True, False])
def test_a_prepared_data_set_is_read(files: Path, packed: bool) -> None:
    if not packed:
        (files / "data" / "pets" / "packed").rename(files / "elsewhere")
    pets = data.load("pets", str(files / "data"))
    assert pets.fingerprint() == FINGERPRINT
    assert pets.class_names == ("cat", "dog")
    assert pets.train.labels.tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0]
    assert pets.test.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert pixels(pets.train)[:16] == "18cc85a7eb0db7b5"
    assert pixels(pets.test)[:16] == "a95c203ed7040677"
