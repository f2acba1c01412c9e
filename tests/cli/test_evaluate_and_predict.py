"""experiments/evaluate.py and predict.py: what they say of a trained network."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.scripts import Run, assert_refused, call, contents
from PIL import Image

import alexnet_jax
from alexnet_jax.data import load
from alexnet_jax.display import words_by_synset
from alexnet_jax.runs import CARD
from alexnet_jax.weights import save_workdir


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three digits of the test split, as files."""
    directory = tmp_path_factory.mktemp("pictures")
    paths = [directory / f"{place}.png" for place in range(3)]
    for path, image in zip(paths, load("digits").test.images, strict=False):
        Image.fromarray(image[..., 0]).save(path)
    return paths


def on_the_test_split(finished: Run) -> dict[int, dict[str, Any]]:
    return {line["step"]: line for line in finished.measured if line.get("split") == "test"}


def numbers(line: str) -> tuple[str, str, float]:
    """top1 and top5 as they are printed, and the loss."""
    match = re.fullmatch(r"top1 (.*%)  top5 (.*%)  loss (\d+\.\d{4})", line)
    assert match
    return match[1], match[2], float(match[3])


def assert_says(out: str, line: dict[str, Any], workdir: Path) -> None:
    """An evaluation agrees with a test line of the metrics."""
    *where, last = out.splitlines()
    assert where == [f"{workdir}, step {line['step']}", "digits: 360 test images, centre crop"]
    want = f"{line['top1']:.2%}", f"{line['top5']:.2%}", pytest.approx(line["loss"], abs=1e-4)
    assert numbers(last) == want


@pytest.mark.parametrize("options", [(), ("--batch", 7), ("--checkpoint", "latest")])
def test_evaluate_says_what_training_said_last(finished: Run, options: tuple[object, ...]) -> None:
    before = contents(finished.workdir)
    result = call("evaluate", finished.workdir, *options)
    assert (result.status, result.err) == (0, "")
    assert_says(result.out, on_the_test_split(finished)[6], finished.workdir)
    assert contents(finished.workdir) == before


def test_evaluate_takes_a_step_or_the_best(finished: Run) -> None:
    lines = on_the_test_split(finished)
    for step in (3, 6):
        result = call("evaluate", finished.workdir, "--checkpoint", step)
        assert_says(result.out, lines[step], finished.workdir)
    assert lines[3]["top1"] != lines[6]["top1"]
    best = max(lines.values(), key=lambda line: line["top1"])
    result = call("evaluate", finished.workdir, "--checkpoint", "best")
    assert_says(result.out, best, finished.workdir)


def test_an_ensemble_of_one_network_and_itself(finished: Run) -> None:
    alone = call("evaluate", finished.workdir).lines
    result = call("evaluate", finished.workdir, finished.workdir)
    assert (result.status, result.err) == (0, "")
    assert result.lines[:-1] == [alone[0], *alone[:-1]]
    *scores, loss = numbers(alone[-1])
    assert numbers(result.lines[-1]) == (*scores, pytest.approx(loss, abs=2e-4))


def test_ten_views(finished: Run) -> None:
    centre, ten, few = (
        call("evaluate", finished.workdir, *options)
        for options in ((), ("--views", 10), ("--views", 10, "--batch", 7))
    )
    assert (ten.status, ten.err) == (0, "")
    assert ten.lines[-2] == "digits: 360 test images, ten views"
    assert few.out == ten.out
    assert numbers(ten.lines[-1])[2] != numbers(centre.lines[-1])[2]


@pytest.mark.parametrize("script", ["evaluate", "predict"])
@pytest.mark.parametrize("views", [0, 3, -10, "many"])
def test_other_numbers_of_views(
    finished: Run, pictures: list[Path], script: str, views: object
) -> None:
    more = pictures[:1] if script == "predict" else []
    assert_refused(call(script, finished.workdir, *more, f"--views={views}"), "views", views)


def test_precisions_are_one_on_a_cpu(finished: Run, pictures: list[Path]) -> None:
    """Others than the two are refused."""
    for script, more in (("evaluate", []), ("predict", pictures[:1])):
        plain, highest, wrong = (
            call(script, finished.workdir, *more, *options)
            for options in ((), ("--precision", "highest"), ("--precision", "high"))
        )
        assert (highest.status, highest.out) == (0, plain.out)
        assert_refused(wrong, "--precision must be one of default, highest, got 'high'")


@pytest.mark.parametrize("script", ["evaluate", "predict"])
@pytest.mark.parametrize("checkpoint", ["bad", "4", "-1", "6.0", "", "3,6"])
def test_a_checkpoint_that_is_not_there(
    finished: Run, pictures: list[Path], script: str, checkpoint: str
) -> None:
    more = pictures[:1] if script == "predict" else []
    result = call(script, finished.workdir, *more, f"--checkpoint={checkpoint}")
    assert_refused(result, repr(checkpoint), "3, 6")


def predictions(finished: Run, *paths: Path, options: tuple[object, ...] = ()) -> list[Any]:
    """The parsed JSON of predict."""
    result = call("predict", finished.workdir, *paths, "--json", *options)
    assert (result.status, result.err) == (0, "")
    return json.loads(result.out)


def test_json_of_a_prediction(finished: Run, pictures: list[Path]) -> None:
    """The five likeliest classes of each picture, in the order of the pictures."""
    found = predictions(finished, *pictures)
    assert [entry["image"] for entry in found] == [str(path) for path in pictures]
    net, variables, preprocess = alexnet_jax.load_checkpoint(finished.workdir)
    probabilities = jax.nn.softmax(net.apply(variables, preprocess(pictures)))
    for entry, want in zip(found, np.asarray(probabilities), strict=True):
        assert set(entry) == {"image", "predictions"}
        assert len(entry["predictions"]) == 5
        for place in entry["predictions"]:
            assert set(place) == {"index", "class", "probability"}
            assert place["class"] == str(place["index"])
        indices = [place["index"] for place in entry["predictions"]]
        assert indices == list(np.argsort(-want)[:5])
        shown = [place["probability"] for place in entry["predictions"]]
        np.testing.assert_allclose(shown, want[indices], rtol=1e-5)
        assert shown == sorted(shown, reverse=True)
        assert 0.5 < sum(shown) < 1
    assert len({json.dumps(entry["predictions"]) for entry in found}) == 3


def test_a_model_says_what_predict_does(finished: Run, pictures: list[Path]) -> None:
    """The same numbers to the bit, and the card that the training wrote."""
    model = alexnet_jax.load(finished.workdir)
    for entry, result in zip(predictions(finished, *pictures), model(pictures), strict=True):
        assert result == [(p["class"], p["probability"]) for p in entry["predictions"]]
    assert model.card == (finished.workdir / CARD).read_text(encoding="utf-8")
    assert (model.step, model.class_names) == (6, tuple("0123456789"))
    other = alexnet_jax.load(finished.workdir, checkpoint="3")
    assert other(pictures[0]) != model(pictures[0])
    assert f"loss {on_the_test_split(finished)[3]['loss']:.4f}: the weights after" in other.card


def test_imagenets_classes_are_predicted_in_words(
    finished: Run, pictures: list[Path], tmp_path: Path
) -> None:
    """Beside the synsets, by which checkpoints and exported files know them; also where the weights
    that are saved were averages."""
    synsets, model = tuple(words_by_synset())[:10], alexnet_jax.load(finished.workdir)
    averaged = dataclasses.replace(model.config, ema=0.5)
    model = dataclasses.replace(model, class_ids=synsets, config=averaged)
    save_workdir(model, tmp_path / "fishes")
    result = call("predict", tmp_path / "fishes", pictures[0], "--json")
    (entry,) = json.loads(result.out)
    for place in entry["predictions"]:
        assert place["synset"] == synsets[place["index"]]
        assert place["class"] == words_by_synset()[place["synset"]]
    assert [place["class"] for place in entry["predictions"]] == [
        name for name, _ in model(pictures[0])[0]
    ]
    text = call("predict", tmp_path / "fishes", pictures[0]).lines
    assert [line.split("  ")[-1] for line in text[1:]] == [
        place["class"] for place in entry["predictions"]
    ]


def test_each_picture_keeps_its_prediction(finished: Run, pictures: list[Path]) -> None:
    forward, backward = (predictions(finished, *order) for order in (pictures, pictures[::-1]))
    alone = predictions(finished, pictures[1])
    for one, other in ((forward, backward[::-1]), (forward[1:2], alone)):
        for a, b in zip(one, other, strict=True):
            assert a["image"] == b["image"]
            pairs = zip(a["predictions"], b["predictions"], strict=True)
            for first, second in pairs:
                assert first["class"] == second["class"]
                assert first["probability"] == pytest.approx(second["probability"], rel=1e-5)


def test_text_of_a_prediction(finished: Run, pictures: list[Path]) -> None:
    result = call("predict", finished.workdir, *pictures)
    assert (result.status, result.err) == (0, "")
    want = []
    for entry in predictions(finished, *pictures):
        want.append(entry["image"])
        want += [f"{p['probability']:.2%} {p['class']}" for p in entry["predictions"]]
    assert [" ".join(line.split()) for line in result.lines] == want


def test_prediction_takes_a_checkpoint(finished: Run, pictures: list[Path]) -> None:
    last = predictions(finished, pictures[0])
    assert predictions(finished, pictures[0], options=("--checkpoint", 6)) == last
    assert predictions(finished, pictures[0], options=("--checkpoint", 3)) != last


def test_every_kind_of_picture_of_a_digit_is_that_digit(
    finished: Run, pictures: list[Path], tmp_path: Path
) -> None:
    with Image.open(pictures[0]) as grey:
        grey.load()
    values = np.asarray(grey)
    opaque = Image.new("L", grey.size, 255)
    kinds = {
        "colour.bmp": grey.convert("RGB"),
        "cmyk.tiff": grey.convert("RGB").convert("CMYK"),
        "alpha.png": Image.merge("LA", [grey, opaque]),
        "colour and alpha.webp": Image.merge("RGBA", [grey, grey, grey, opaque]),
        "16 bits.png": Image.fromarray(values.astype(np.uint16) * 257),
        "floating.tiff": Image.fromarray(values.astype(np.float32)),
        "palette.gif": grey.convert("P"),
    }
    for name, picture in kinds.items():
        picture.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    want, *found = predictions(finished, pictures[0], *(tmp_path / name for name in kinds))
    for entry in found:
        assert entry["predictions"] == want["predictions"], entry["image"]


def test_one_bad_picture_among_good_ones(
    finished: Run, pictures: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "seven.png"
    bad.write_text("seven")
    assert_refused(call("predict", finished.workdir, pictures[0], bad, pictures[1]), bad)
    missing = tmp_path / "missing.png"
    assert_refused(call("predict", finished.workdir, pictures[0], missing, "--json"), missing)


@pytest.mark.parametrize("script", ["evaluate", "predict"])
@pytest.mark.parametrize("what", ["missing", "without", "file", "below a file", "empty"])
def test_not_the_directory_of_a_run(
    tmp_path: Path, pictures: list[Path], script: str, what: str
) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    before = contents(tmp_path)
    workdir = tmp_path / ("file/below" if what == "below a file" else what)
    assert_refused(call(script, workdir, *(pictures[:1] if script == "predict" else [])), workdir)
    assert contents(tmp_path) == before
