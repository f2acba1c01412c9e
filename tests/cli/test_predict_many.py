"""experiments/predict.py over directories and standard input, and the stream of pictures below."""

import io
import json
import sys
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.scripts import Run, assert_refused, call
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data import load, picture_stream
from alexnet_jax.data.images import quiet_pillow
from alexnet_jax.data.picture_stream import Block, Listed, blocks, list_pictures, make_reader

COUNT = 35  # more than are computed at a time


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of digits in an order other than that of their making, among other things."""
    directory = tmp_path_factory.mktemp("pictures")
    for place, image in enumerate(load("digits").test.images[:COUNT]):
        Image.fromarray(image[..., 0]).save(directory / f"{COUNT - place:02}.png")
    (directory / "notes.txt").write_text("no picture")
    (directory / ".hidden.png").write_text("no picture")
    (directory / "below").mkdir()
    return directory


def parsed(*arguments: object) -> Any:
    result = call("predict", *arguments, "--json")
    assert (result.status, result.err) == (0, "")
    return json.loads(result.out)


def test_a_directory_is_its_pictures_in_order(finished: Run, directory: Path) -> None:
    paths = [directory / f"{place:02}.png" for place in range(1, COUNT + 1)]
    found = parsed(finished.workdir, directory)
    assert [entry["image"] for entry in found] == list(map(str, paths))
    assert found == parsed(finished.workdir, *paths)
    # As it comes, JSON is what it is at once.
    result = call("predict", finished.workdir, directory, "--json")
    assert result.out == json.dumps(found, indent=2) + "\n"
    plain = call("predict", finished.workdir, directory)
    assert len(plain.lines) == 6 * COUNT
    assert plain.out == call("predict", finished.workdir, *paths).out


def test_standard_input_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_stream, "_MOST_BYTES", 1000)
    for count, message in ((1000, "not a picture"), (1001, "more than 1,000 bytes")):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bytes(count))))
        (error,) = make_reader([Listed("-")], 8, 1)(range(1))
        assert isinstance(error, InputError)
        assert message in str(error)


def test_what_cannot_be_read_is_named_and_left_out(
    finished: Run, directory: Path, tmp_path: Path
) -> None:
    for number in (1, 2):
        picture = (directory / f"0{number}.png").read_bytes()
        (tmp_path / f"{number}.png").write_bytes(picture)
    (tmp_path / "1a.png").write_bytes(picture[:150])
    result = call("predict", finished.workdir, tmp_path, "--json")
    assert result.status == 1
    assert result.err.startswith(f"left out: {tmp_path / '1a.png'}: ")
    assert result.err.count("\n") == 1
    found = json.loads(result.out)
    assert [Path(entry["image"]).name for entry in found] == ["1.png", "2.png"]
    want = parsed(finished.workdir, directory / "01.png", directory / "02.png")
    for entry, other in zip(found, want, strict=True):
        assert entry["predictions"] == other["predictions"]
    # One that is named must be readable, and nothing is said of the others.
    bad = tmp_path / "1a.png"
    assert_refused(call("predict", finished.workdir, directory, bad), bad)


def test_directories_without_a_picture_to_classify(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert_refused(call("predict", finished.workdir, tmp_path / "none"), "none", ".jpeg")
    (tmp_path / "none" / "a.png").write_text("")
    result = call("predict", finished.workdir, tmp_path / "none")
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines()[-1] == "error: none of the 1 pictures can be read"


def test_a_picture_on_standard_input(
    finished: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(data: bytes, *more: object) -> Any:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        return call("predict", finished.workdir, "-", *more, "--json")

    path = directory / "01.png"
    (one,), (other,) = json.loads(predict(path.read_bytes()).out), parsed(finished.workdir, path)
    assert one == other | {"image": "-"}
    assert_refused(predict(b"", path), "standard input")
    assert_refused(predict(path.read_bytes(), "-"), "- may be given once")


def test_many_show_progress_beside_the_results(
    finished: Run, directory: Path, tmp_path: Path
) -> None:
    for copy in range(3):
        for path in directory.glob("[0-9]*.png"):
            (tmp_path / f"{path.stem}{copy}.png").write_bytes(path.read_bytes())
    result = call("predict", finished.workdir, tmp_path)
    assert result.status == 0
    assert len(result.lines) == 6 * 3 * COUNT
    assert result.err.splitlines()[-1].startswith(f"predicting: {3 * COUNT} images in ")


def test_blocks_are_in_order_and_few_at_a_time() -> None:
    """Slow early pictures do not put later ones before them, and no more are read than asked."""
    begun: list[int] = []

    def read(numbers: range) -> list[np.ndarray | InputError]:
        begun.extend(numbers)
        time.sleep(0.02 if numbers.start == 0 else 0)
        return [
            InputError("bad") if number == 5 else np.full((2, 2, 1), number, np.uint8)
            for number in numbers
        ]

    stream = blocks(read, 41, (2, 2, 1), 4, at_a_time=3, ahead=1)
    first = next(stream)
    time.sleep(0.05)
    assert sorted(begun) == list(range(8))
    found = [first, *stream]
    assert [block.numbers for block in found] == [
        range(start, min(start + 4, 41)) for start in range(0, 41, 4)
    ]
    assert all(block.images.shape == (4, 2, 2, 1) for block in found)
    values = np.concatenate([block.images[:, 0, 0, 0] for block in found])
    assert values.tolist() == [0 if n == 5 else n for n in range(41)] + [0, 0, 0]
    assert [list(block.errors) for block in found[:3]] == [[], [5], []]
    assert found[1].good.tolist() == [0, 2, 3]
    assert found[-1].good.tolist() == [0]


def test_threads_end_with_the_stream() -> None:
    """And what no thread has begun is not read any more."""
    before, begun = threading.active_count(), list[range]()

    def read(numbers: range) -> list[np.ndarray]:
        begun.append(numbers)
        time.sleep(0.1)
        return [np.zeros((1, 1, 1), np.uint8)]

    stream = blocks(read, 1000, (1, 1, 1), 2, ahead=400)
    assert isinstance(next(stream), Block)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(begun) < 400


def test_pillow_is_as_before_whatever_order_threads_leave_in() -> None:
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    first, second = quiet_pillow(), quiet_pillow()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert Image.MAX_IMAGE_PIXELS is None
    second.__exit__(None, None, None)
    assert limit == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


def test_listing_keeps_what_is_named(directory: Path, tmp_path: Path) -> None:
    found = list_pictures(["a.txt", str(directory), "-"])
    assert (found[0], found[-1], len(found)) == (Listed("a.txt"), Listed("-"), COUNT + 2)
    assert not any(picture.named for picture in found[1:-1])
    (error,) = make_reader(found[:1], 32, 1)(range(1))
    assert isinstance(error, InputError)
