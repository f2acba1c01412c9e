"""The network that comes with the package, and commands that are given no network."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from helpers.scripts import assert_refused, call
from PIL import Image
from skimage import data as photographs

import alexnet_jax
from alexnet_jax import weights
from alexnet_jax.weights import network_and_pictures

FILE = weights.BUNDLED["tiny"]


@pytest.fixture
def cup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photograph of a cup of coffee, alone in the working directory."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photographs.coffee()).save(tmp_path / "coffee.jpg")
    return tmp_path / "coffee.jpg"


def test_it_comes_along(cup: Path) -> None:
    """Whole, in float32, with its classes, preprocessing and card; coffee is espresso."""
    model = alexnet_jax.load("tiny")
    assert model.architecture == alexnet_jax.architecture("tiny")
    assert (len(model.class_names), model.stored_size) == (200, 64)
    assert model.class_names[0] == "goldfish"
    assert all(
        np.asarray(value).dtype == np.float32
        for parts in model.params.values()
        for value in parts.values()
    )
    assert model(["coffee.jpg"])[0][0].name == "espresso"
    (tested,) = model.measured
    assert f"Top-1 {tested['top1']:.2%}" in model.card
    assert 0.35 < tested["top1"] < 1


def test_the_card_is_that_of_the_file() -> None:
    card = FILE.with_name(f"{FILE.name}.md").read_text(encoding="utf-8")
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in card
    assert FILE.stat().st_size <= 8e6
    assert alexnet_jax.load("tiny").measured[0]["top1"] == pytest.approx(0.3507)


def test_predict_takes_it(cup: Path) -> None:
    """Without a network, by name, and for a directory of pictures: the same."""
    without, named, directory = (
        call("predict", *given).lines[1:] for given in ((cup,), ("tiny", cup), (cup.parent,))
    )
    assert without == named == directory
    assert without[0].endswith("%  espresso")


def test_what_is_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first argument, unless it is a picture, or would be one."""
    monkeypatch.chdir(tmp_path)
    for name in ("run", "pictures", "empty"):
        Path(name).mkdir()
    Path("run/config.json").touch()
    Path("run/learning_curve.png").touch()
    Path("pictures/a.png").touch()
    Path("photo").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    Path("net.onnx").write_bytes(b"\x08\x07")
    for network in ("run", "empty", "net.onnx", "tiny", "nowhere"):
        assert network_and_pictures((network, "a.png")) == (network, ("a.png",))
        assert network_and_pictures((network,)) == (network, ())
    for picture in ("a.png", "nowhere.JPG", "-", "pictures", "photo"):
        assert network_and_pictures((picture, "b.png")) == ("tiny", (picture, "b.png"))
    assert network_and_pictures(()) == ("tiny", ())


def test_a_missing_picture_is_no_network(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    assert_refused(call("predict", missing), missing)
