"""experiments/features.py: features of pictures, their neighbours, and a linear probe."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.reference import assert_close
from helpers.scripts import Run, assert_refused, call, contents
from PIL import Image

import alexnet_jax
from alexnet_jax.analysis.feature_file import read_features
from alexnet_jax.data import load
from alexnet_jax.display.progress import Progress


@pytest.fixture(scope="module")
def extracted(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fc7 of both splits of the digits."""
    path = tmp_path_factory.mktemp("features") / "fc7.npy"
    result = call("features", "extract", finished.workdir, "--out", path)
    assert (result.status, result.err) == (0, "")
    assert result.lines[-1] == f"{path}: 1,797 rows of 16 numbers"
    assert result.lines[-2].startswith("fc7: 1,797 images in ")  # after lines on a slow machine
    return path


def layers(finished: Run, pictures: Any) -> dict[str, np.ndarray]:
    """Every layer's output for some pictures, flat."""
    net, variables, preprocess = alexnet_jax.load_checkpoint(finished.workdir)
    found = alexnet_jax.activations(net.architecture, variables["params"], preprocess(pictures))
    return {name: np.asarray(x).reshape((len(x), -1)) for name, x in found.items()}


def test_features_are_the_layers_output(finished: Run, extracted: Path) -> None:
    """Of each picture in its row, the last ones of a batch that is not full, too."""
    found, dataset = read_features(extracted), load("digits")
    images = np.concatenate([dataset.train.images[:3], dataset.test.images[-3:]])
    rows = [0, 1, 2, 1794, 1795, 1796]
    assert_close(found.values[rows], layers(finished, images)["fc7"], 1e-5)
    assert [found.rows.names[row] for row in (0, 1436, 1437)] == ["train/0", "train/1436", "test/0"]
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    np.testing.assert_array_equal(found.rows.labels, labels)
    origin = found.origin
    assert (origin.layer, origin.workdir, origin.step) == ("fc7", str(finished.workdir), 6)
    assert origin.params_sha256 == finished.measured[-1]["params_sha256"]


@pytest.mark.parametrize(
    ("layer", "topology"), [("fc6,conv5,fc6", "one_device"), ("fc6", "two_towers")]
)
def test_a_folder_and_any_layer(finished: Run, layer: str, topology: str, tmp_path: Path) -> None:
    """Several layers in one pass have a file each, named by the layer."""
    images = load("digits").test.images[:3]
    (tmp_path / "pictures" / "seven").mkdir(parents=True)
    paths = [tmp_path / "pictures" / "seven" / f"{place}.png" for place in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    (paths[0].parent / "1a.png").write_text("no picture")
    options = ("--images", tmp_path / "pictures", "--layer", layer, "--topology", topology)
    for name in ("a.npy", "a.parquet"):
        result = call("features", "extract", finished.workdir, "--out", tmp_path / name, *options)
        assert result.status == 1
        assert result.err.startswith(f"left out: {paths[0].parent / '1a.png'}: ")
        assert result.err.count("\n") == 1
        files = {"fc6": name}
        if "," in layer:
            files = {one: name.replace("a.", f"a.{one}.") for one in ("fc6", "conv5")}
        assert len(result.lines) >= len(files)
        for one, file in files.items():
            found = read_features(tmp_path / file)
            assert_close(found.values, layers(finished, images)[one], 1e-5)
            assert found.rows.names == ["seven/0.png", "seven/1.png", "seven/2.png"]
            assert (found.origin.class_names, found.origin.layer) == (("seven",), one)
            assert any(line.startswith(f"{tmp_path / file}: 3 rows of ") for line in result.lines)
        assert (tmp_path / name).exists() == (len(files) == 1)


def test_neighbours_are_training_pictures(extracted: Path, tmp_path: Path) -> None:
    """As in 2012, by default: of test pictures, with their sheet."""
    sheet = tmp_path / "sheet.png"
    result = call("features", "neighbours", extracted, "--json", "--picture", sheet)
    assert (result.status, result.err) == (0, "")
    entries = json.loads(result.out)
    found, dataset = read_features(extracted), load("digits")
    assert [entry["name"] for entry in entries] == [f"test/{n}" for n in (0, 89, 179, 269, 359)]
    train = np.asarray(found.values[:1437], np.float64)
    for entry in entries:
        row = int(entry["name"].removeprefix("test/"))
        assert entry["class"] == str(dataset.test.labels[row])
        far = np.linalg.norm(train - found.values[1437 + row], axis=1)
        order = np.argsort(far, kind="stable")[:6]
        assert [near["name"] for near in entry["neighbours"]] == [f"train/{n}" for n in order]
        shown = [near["distance"] for near in entry["neighbours"]]
        np.testing.assert_allclose(shown, far[order], rtol=1e-9)
    with Image.open(sheet) as picture:
        shades = picture.convert("L").getcolors(256)
        width, height = picture.size
    assert width > height > 300
    assert shades is not None
    assert len(shades) > 20


def test_neighbours_of_pictures_by_name(extracted: Path) -> None:
    """A training picture's are among all, and not itself."""
    names, options = ("train/5", "test/7"), ("--neighbours", 2, "--distance", "cosine")
    result = call("features", "neighbours", extracted, *names, *options)
    assert (result.status, result.err) == (0, "")
    lines = result.lines
    assert [len(line) - len(line.lstrip()) > 0 for line in lines] == [
        False, True, True, False, True, True, False,
    ]  # fmt: skip
    values = np.asarray(read_features(extracted).values, np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    for first, row in ((0, 5), (3, 1437 + 7)):
        far = 1 - unit @ unit[row]
        far[row] = np.inf
        assert float(lines[first + 1].split()[0]) == pytest.approx(far.min(), rel=1e-3)
    assert lines[0].startswith("train/5  ")
    assert lines[-1].startswith("the nearest is of the same class: ")


def test_probe_says_its_test_accuracy(extracted: Path) -> None:
    result = call("features", "probe", extracted)
    assert result.status == 0
    *_, where, top1 = result.lines
    assert where.endswith("linear probe fitted to 1,437 pictures, tested on 360")
    # 62.8 % by sixteen numbers of six steps; chance is a tenth.
    assert float(top1.removeprefix("top1 ").removesuffix("%")) > 40


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("extract RUN", ["--out"]),
        ("extract RUN --out none", ["--out"]),
        ("extract RUN --out a.csv", ["--out", ".npy", "a.csv"]),
        ("extract RUN --out below/a.npy", ["--out", "below"]),
        ("extract RUN --out a.npy --layer fc9", ["'fc9'", "fc7", "logits"]),
        ("extract RUN --out a.npy --layer fc8", ["'fc8'", "logits"]),
        ("extract RUN --out a.npy --layer fc6,fc", ["'fc'", "did you mean 'fc"]),
        ("extract RUN --out a.npy --images missing", ["missing"]),
        ("extract RUN --out a.npy --images .", [".png"]),
        ("extract RUN --out a.npy --images . --data digits", ["--images", "--data"]),
        ("extract RUN --out a.npy --data thumbnails", ["36x36x3", "32x32x1"]),
        ("extract RUN --out a.npy --data cifar", ["'cifar'", "digits"]),
        ("extract . --out a.npy", ["checkpoints"]),
        ("neighbours a.npy", ["a.npy", "no such file"]),
        ("neighbours FC7 nobody", ["'nobody'", "train/0"]),
        ("neighbours FC7 --count 361", ["--count", "360", "361"]),
        ("neighbours FC7 --count 0", ["--count", "0"]),
        ("neighbours FC7 --neighbours 1438", ["1437", "1438"]),
        ("neighbours FC7 --distance far", ["euclidean", "cosine", "'far'"]),
        ("neighbours FC7 --picture sheet.gif", ["--picture", ".png"]),
        ("probe FC7 --inverse-penalty 0", ["--inverse-penalty", "'0'"]),
        ("probe a.npy", ["a.npy"]),
        ("frobnicate", ["frobnicate"]),
    ],
)
def test_what_is_refused(
    finished: Run,
    extracted: Path,
    command: str,
    parts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = {"RUN": str(finished.workdir), "FC7": str(extracted)}
    result = call("features", *(words.get(word, word) for word in command.split()))
    assert_refused(result, *parts)
    assert contents(tmp_path) == {}


def test_progress_goes_where_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("here", 1).finish()
    Progress("there", 1, file=sys.stderr).finish()
    captured = capsys.readouterr()
    assert captured.out.startswith("here: ")
    assert captured.err.startswith("there: ")
