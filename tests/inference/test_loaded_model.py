"""One object for a network with its weights: called on pictures, unpacked, copied, pickled."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.reference import softmax
from helpers.scripts import ROOT, WIDTHS

import alexnet_jax
from alexnet_jax import InputError
from alexnet_jax.display import words_by_synset
from alexnet_jax.inference import Model, Prediction, trained

LAYERS = {name: {"maps": maps} for name, maps in WIDTHS.items()}
NAMES = ("nought", "one", "two", "three", "four", "five", "six")
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 40, 35, 1), np.uint8)


@pytest.fixture(scope="module")
def model() -> Model:
    return alexnet_jax.create("small", classes=NAMES, layers=LAYERS, key=5)


@pytest.fixture(scope="module")
def probabilities(model: Model) -> np.ndarray:
    return model.probabilities(PICTURES)


def test_a_model_is_unpacked(model: Model, probabilities: np.ndarray) -> None:
    """As net, variables and preprocess, with which Flax computes the same probabilities."""
    net, variables, preprocess = model
    assert (net, variables) == (alexnet_jax.AlexNet(model.architecture), {"params": model.params})
    logits = np.asarray(jax.jit(net.apply)(variables, preprocess(PICTURES)), np.float64)
    np.testing.assert_allclose(probabilities, softmax(logits), atol=1e-6)
    assert probabilities.shape == (3, 7)
    assert model.class_names == model.class_ids == NAMES


def test_named_probabilities(model: Model, probabilities: np.ndarray) -> None:
    """A list for each picture, of the likeliest classes in order; for a single picture, too."""
    for top, many in ((1, 1), (5, 5), (7, 7), (100, 7)):
        results = model(PICTURES, top=top)
        for result, row in zip(results, probabilities, strict=True):
            order = sorted(range(7), key=lambda index: -row[index])[:many]
            assert result == [(NAMES[index], float(row[index])) for index in order]
    first, second, _ = model(list(PICTURES), top=2)
    assert (first[0].name, first[0].probability) == first[0] == Prediction(*first[0])
    (alone,) = model(PICTURES[1], top=2)
    assert [name for name, _ in alone] == [name for name, _ in second]


def test_other_numbers_of_classes_to_name(model: Model) -> None:
    for top in (0, -1, 2.0, True, None, "5"):
        with pytest.raises(InputError, match="top must be a whole number of at least 1, got"):
            model(PICTURES, top=top)  # type: ignore[arg-type]


def test_pictures_are_read_as_they_are_needed(model: Model, probabilities: np.ndarray) -> None:
    """More than a batch of 32, in order; one that cannot be read ends it with its line."""
    rows = model.probabilities([*PICTURES, *[PICTURES[0]] * 32, PICTURES[1]])
    np.testing.assert_allclose(rows[[0, 1, 2, 34, 35]], probabilities[[0, 1, 2, 0, 1]], atol=1e-6)
    with pytest.raises(InputError, match=r"^nowhere\.png: no such file$"):
        model([PICTURES[0], "nowhere.png"])


def test_a_program_is_made_once(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the network is called."""
    made: list[int] = []

    def make(*arguments: Any, **more: Any) -> Any:
        made.append(more["views"])
        return real(*arguments, **more)

    real = trained.make_logits
    monkeypatch.setattr(trained, "make_logits", make)
    network = model.on()
    for views in (1, 10, 1, 10):
        network.logits(views)
    assert made == [1, 10]
    other = copy.copy(model)
    assert other(PICTURES) == other(PICTURES)
    assert made == [1, 10, 1]


def test_copies_and_pickles(model: Model, probabilities: np.ndarray) -> None:
    """Also of a model that has been called, whose programs are not taken along."""
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert set(vars(other)) == {field.name for field in dataclasses.fields(Model)}
        np.testing.assert_array_equal(other.probabilities(PICTURES), probabilities)
    preprocess = pickle.loads(pickle.dumps(model.preprocess))
    np.testing.assert_array_equal(preprocess(PICTURES), model.preprocess(PICTURES))


@pytest.mark.slow
def test_a_pickle_in_another_process(
    model: Model, probabilities: np.ndarray, tmp_path: Path
) -> None:
    """Which has imported nothing before; bit for bit the same on the same machine."""
    (tmp_path / "model").write_bytes(pickle.dumps((model, PICTURES)))
    code = (
        "import pickle, sys\n"
        "model, pictures = pickle.load(open('model', 'rb'))\n"
        "sys.stdout.buffer.write(model.probabilities(pictures).tobytes())\n"
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    found = np.frombuffer(result.stdout, np.float32).reshape(3, 7)
    np.testing.assert_allclose(found, probabilities, rtol=1e-6)


def test_architectures_are_pickled() -> None:
    for preset in (*alexnet_jax.list_presets(), "paper+conv6"):
        network = alexnet_jax.architecture(preset)
        again = pickle.loads(pickle.dumps(network))
        assert again == network
        assert pickle.loads(pickle.dumps(alexnet_jax.AlexNet(network))) == alexnet_jax.AlexNet(
            again
        )


def test_no_text_holds_an_array(model: Model) -> None:
    assert repr(model) == "Model(small, 7 classes, step 0)"
    assert repr(model.preprocess) == "Preprocess(pictures -> [B, 28, 28, 1] float32)"


def test_imagenets_classes_are_named_in_words(model: Model) -> None:
    """The synsets stay what checkpoints hold, and a training's classes are compared by."""
    synsets = tuple(words_by_synset())[278:285]
    imagenet = dataclasses.replace(model, class_ids=synsets)
    assert imagenet.class_names[3:5] == ("tabby", "tiger cat")
    assert imagenet.class_ids[3:5] == ("n02123045", "n02123159")
    assert imagenet.description().to_json()["class_names"] == list(synsets)
    named = {name for name, _ in imagenet(PICTURES, top=7)[0]}
    assert named == set(imagenet.class_names)
    assert "tabby (n02123045), tiger cat (n02123159)" in imagenet.card


def test_public_names() -> None:
    """Those that are imported when first used are listed before, too."""
    names: Any = dir(alexnet_jax)
    assert names == sorted(alexnet_jax.__all__)
    assert {"load", "create", "load_checkpoint", "weights", "data", "TrainConfig"} <= set(names)
