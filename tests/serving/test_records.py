"""Records of what was examined: what the page shows is what the network computes."""

import base64
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.narrow import narrow
from helpers.served import examiner, picture, trained_of
from PIL import Image

from alexnet_jax import InputError, data, forward, list_presets
from alexnet_jax.serving.examiner import Covered
from alexnet_jax.serving.records import covered_record, examined_record, network_record
from alexnet_jax.serving.samples import samples_of
from alexnet_jax.serving.switches import Switches
from alexnet_jax.serving.told import what_changed, what_mattered

WORDS = ("cat", "dog", "owl")


def decoded(record: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(record["values"]), "<f4").reshape(record["shape"])


def test_the_record_of_a_picture() -> None:
    trained = examiner().trained
    plain = examiner().examine(picture(), Switches())
    seen = examiner().seen(picture())
    record = json.loads(json.dumps(examined_record(trained, seen, Switches(), plain, plain)))
    order = np.argsort(-plain.probabilities)[:5]
    assert [one["index"] for one in record["top"]] == order.tolist()
    assert [one["class"] for one in record["top"]] == [f"class {index}" for index in order]
    np.testing.assert_allclose(
        [one["probability"] for one in record["top"]], plain.probabilities[order]
    )
    assert record["changed"] == ""
    described = network_record(trained, ["first"])
    assert described["samples"] == ["first"]
    assert [one["name"] for one in described["layers"]] == list(record["layers"])
    assert not {"dropout6", "logits"} & set(record["layers"])
    for layer in described["layers"]:
        values = decoded(record["layers"][layer["name"]])
        assert list(values.shape) == layer["shape"]
        assert np.array_equal(values, plain.layers[layer["name"]])
    file = base64.b64decode(record["seen"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(file)) as shown:
        assert np.array_equal(np.asarray(shown), picture()[1:-1, 1:-1, 0])


def test_what_mattered_is_the_probability_of_the_covered_picture() -> None:
    """At one place, with the pixels of the square at the mean's; with a tower switched off, too."""
    trained = examiner().trained
    for switches in (Switches(), Switches("0")):
        covered = examiner().cover(picture(), switches, 2)
        assert covered.values.shape == (12, 12)
        assert (covered.side, covered.stride) == (5, 2)
        whole = examiner().examine(picture(), switches).probabilities[2]
        assert covered.uncovered == pytest.approx(whole)
        assert np.ptp(covered.values) > 1e-4
    covered = examiner().cover(picture(), Switches(), 2)
    view = np.array(trained.preprocess(picture()))
    view[0, 8 : 8 + 5, 4 : 4 + 5] = 0  # the square around row 10, column 6
    logits = np.asarray(forward(trained.architecture, trained.params, view, plain=True)[0])
    want = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(covered.values[5, 3], want[2], rtol=1e-4)
    record = covered_record(trained.class_words, covered, 23)
    assert np.array_equal(decoded(record), covered.values)
    assert record["class"] == "class 2"
    with pytest.raises(InputError, match="a class is a number from 0 to 3, got 4"):
        examiner().cover(picture(), Switches(), 4)


@pytest.mark.parametrize(
    ("switches", "now", "sentence"),
    [
        (Switches(), [0.7, 0.2, 0.1], ""),
        (
            Switches("0"),
            [0.5, 0.3, 0.2],
            "Without tower 1 the answer stays cat: 50.0% instead of 70.0%.",
        ),
        (
            Switches("1", norms=False),
            [0.1, 0.3, 0.6],
            "Without tower 0 and response normalization the answer is owl instead of cat, whose "
            "probability goes from 70.0% to 10.0%.",
        ),
    ],
)
def test_the_sentence_about_switches(switches: Switches, now: list[float], sentence: str) -> None:
    assert what_changed(WORDS, switches, np.array([0.7, 0.2, 0.1]), np.array(now)) == sentence


def test_the_sentence_about_what_mattered() -> None:
    values = np.array([[0.9, 0.25], [0.8, 0.9]], np.float32)
    text = what_mattered("cat", Covered(0, 0.9, values, 7, 2), 28)
    assert text.startswith("A square of 7x7 of 28 pixels covers each place in turn; red marks ")
    assert text.endswith("At worst it falls from 90.0% to 25.0%.")
    text = what_mattered("cat", Covered(0, 0.9, values + 1, 7, 2), 28)
    assert text.endswith("Here no place lowers its probability by 1% or more.")


@pytest.mark.parametrize("preset", list_presets())
def test_every_layer_has_a_sentence(preset: Any) -> None:
    """What a tower reads is said of networks of two towers alone."""
    net = narrow(preset)
    record = network_record(trained_of(net), [])
    about = {layer["name"]: layer["about"] for layer in record["layers"]}
    assert all(re.fullmatch(r"[A-Z0-9].*\.", text) for text in about.values())
    tells = [name for name, text in about.items() if "Each tower" in text]
    if net.towers == 1:
        assert not tells
    else:
        assert about["conv3"].endswith("Each tower reads the maps of both.")
        assert about["conv4"].endswith("Each tower reads its own maps alone.")
        assert "conv1" not in tells


def test_a_file_is_read_as_predict_reads_it(tmp_path: Path) -> None:
    """With transparency and an orientation; pictures that claim too many pixels are refused."""
    draw = np.random.default_rng(3).integers(0, 256, (40, 60, 4), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(draw).save(tmp_path / "a.png", exif=turned)
    want = examiner().trained.read([tmp_path / "a.png"])[0]
    assert np.array_equal(examiner().read("a", (tmp_path / "a.png").read_bytes()), want)


def test_samples_are_test_images_of_different_classes() -> None:
    test = data.load("digits").test
    trained = trained_of(narrow("small"))
    with pytest.raises(InputError, match="digits has images of another shape"):
        samples_of(trained)
    names = tuple(f"class {number}" for number in range(10))
    fitting = dataclasses.replace(trained, stored_size=int(test.images.shape[1]), class_names=names)
    samples = samples_of(fitting)
    assert [sample.label for sample in samples] == [f"class {number}" for number in range(10)]
    for number, sample in enumerate(samples):
        rows = [row for row in range(60) if np.array_equal(test.images[row], sample.stored)]
        assert test.labels[rows[0]] == number
    with pytest.raises(InputError, match="digits has other classes"):
        samples_of(dataclasses.replace(fitting, class_names=("a", "b")))
    gone = dataclasses.replace(fitting.config, data="nowhere", data_dir="")
    with pytest.raises(InputError, match="unknown data set 'nowhere'"):
        samples_of(dataclasses.replace(fitting, config=gone))
