"""What is measured from pictures to a training: the right things, and waiting is noticed."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.runs import NARROW
from PIL import Image

from alexnet_jax import InputError, data
from alexnet_jax.bench import input as bench_input
from alexnet_jax.bench import input_stages
from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.data.sources.source import decode
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import architecture

SIZE, BATCH = 32, 8
STAGES = ["packed", "packed, shuffled", "records", "records, shuffled", "transfer",
          "train, one batch", "train, loader"]  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    input_stages.make_synthetic(directory, 40, SIZE)
    return directory


def network() -> Architecture:
    return architecture("small", image_size=28, channels=3, classes=2, layers=NARROW)


def test_timed_counts_what_follows_the_first_call() -> None:
    now = iter([10.0, 10.4, 10.8, 11.2])
    spent = iter([3.0, 3.6])
    calls = iter([1000, 4, 4, 4])
    rate = input_stages.timed(lambda: next(calls), 1.0, lambda: next(now), lambda: next(spent))
    assert rate.images_per_second == pytest.approx(12 / 1.2)
    assert rate.cpu_seconds_per_image == pytest.approx(0.6 / 12)


def test_sample_pictures_are_like_imagenet_s() -> None:
    files = input_stages.encoded_pictures(4)
    assert files == input_stages.encoded_pictures(4)
    for file in files:
        with Image.open(io.BytesIO(file)) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", 500)
    assert 40_000 < sum(map(len, files)) / 4 < 200_000


def test_plain_pillow_makes_the_same_image() -> None:
    """But for the resampling of what is cut away; so the two are worth comparing."""
    for file in input_stages.encoded_pictures(2):
        plain, ours = input_stages.decode_with_pillow(file, 64), decode(file, "x", 64, 3)
        assert plain.shape == ours.shape == (64, 64, 3)
        assert np.abs(plain.astype(int) - ours).mean() < 1.5


def test_picture_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_stages, "encoded_pictures", two_pictures)
    rates = input_stages.picture_rates(0.001, 32)
    assert list(rates) == ["pillow", "decode", "prepare"]
    assert all(0 < rate.images_per_second < 1e5 for rate in rates.values())
    assert rates["prepare"].cpu_seconds_per_image > 0


def test_the_mean_of_rates_is_that_of_times() -> None:
    """As many images at 2 and at 6 a second: 3 a second."""
    found = input_stages._mean([input_stages.Rate(2.0, 0.1), input_stages.Rate(6.0, 0.3)])
    assert found.images_per_second == pytest.approx(3.0)
    assert found.cpu_seconds_per_image == pytest.approx(0.2)


def two_pictures() -> tuple[bytes, ...]:
    found = []
    for colour in ("red", "green"):
        file = io.BytesIO()
        Image.new("RGB", (60, 40), colour).save(file, "JPEG")
        found.append(file.getvalue())
    return tuple(found)


def test_synthetic_images_are_noise(data_dir: Path) -> None:
    found = data.load("synthetic", str(data_dir))
    assert (len(found.train), found.stored_size, found.channels) == (40, SIZE, 3)
    images = found.train.images[:]
    assert len({image.tobytes() for image in images}) == 40
    assert 126 < images.mean() < 129


def test_every_stage_of_a_data_set(data_dir: Path) -> None:
    dataset = data.load("synthetic", str(data_dir))
    found = bench_input.measure_input(dataset, data_dir, BATCH, 0.02, network())
    assert [record["stage"] for record in found] == STAGES
    for record in found:
        assert record["data"] == "synthetic"
        assert record["images_per_second"] > 0
        assert record["bytes_per_second"] == pytest.approx(
            record["images_per_second"] * SIZE * SIZE * 3
        )
        assert ("input_wait" in record) == record["stage"].startswith("train")
    assert found[-2]["input_wait"] < 0.01
    assert 0 <= found[-1]["input_wait"] < 1
    lines = bench_input.format_rates(found).splitlines()
    assert lines[0].split() == ["stage", "data", "images/s", "GB/s", "CPU", "us/image", "waited"]
    assert len(lines) == 2 + len(STAGES)
    assert lines[2].split()[:2] == ["packed", "synthetic"]
    assert lines[-1].endswith("%")
    assert len({line.index("synthetic") for line in lines[2:]}) == 1


class Slow:
    """Images that take a tenth of a second."""

    def __init__(self, images: np.ndarray) -> None:
        self._images, self.shape, self.dtype = images, images.shape, images.dtype

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: Any) -> np.ndarray:
        time.sleep(0.1)
        return np.asarray(self._images[rows])


def test_waiting_is_noticed() -> None:
    """Two threads at a tenth of a second a batch, a step of a few milliseconds."""
    images = np.zeros((20, SIZE, SIZE, 3), np.uint8)
    split = Split(Slow(images), np.zeros(20, np.int32))
    dataset = Dataset("slow", split, split, ("a", "b"))
    found = bench_input.measure_input(dataset, None, BATCH, 0.5, network())
    by_stage = {record["stage"]: record for record in found}
    assert list(by_stage)[:2] == ["memory", "memory, shuffled"]
    assert by_stage["train, loader"]["input_wait"] > 0.5
    assert by_stage["train, loader"]["images_per_second"] < 2.5 * BATCH / 0.1
    assert by_stage["memory"]["images_per_second"] < 1.05 * BATCH / 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", None, 8, 1.0), "unknown data set 'nothing'"),
        (("digits", None, 100_000, 1.0), "batch must lie in"),
        (("synthetic", None, 0, 1.0), "batch of at least 1"),
        (("synthetic", None, 8, 0.0), "seconds above 0"),
        (("synthetic", None, 8, float("nan")), "seconds above 0"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(
    arguments: tuple[Any, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(bench_input, "picture_rates")
    with pytest.raises(InputError, match=message):
        bench_input.measure_stages(*arguments)


def test_run_puts_noise_beside_the_data_set(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = input_stages.Rate(100.0, 0.01)
    monkeypatch.setattr(bench_input, "picture_rates", lambda seconds: {"decode": rate})
    monkeypatch.setattr(bench_input, "_SYNTHETIC_IMAGES", 16)
    measured: list[tuple[str, int]] = []

    def measure(dataset: Dataset, where: Path | None, batch: int, seconds: float) -> list[Any]:
        measured.append((dataset.name, dataset.stored_size))
        assert (batch, seconds) == (4, 0.5)
        return [{"stage": "x", "data": dataset.name}]

    monkeypatch.setattr(bench_input, "measure_input", measure)
    found = bench_input.measure_stages("digits", None, 4, 0.5)
    assert measured == [("synthetic", 256), ("digits", 32)]
    assert found[0]["images_per_second"] == 100.0
    assert [record["data"] for record in found] == ["files", "synthetic", "digits"]
