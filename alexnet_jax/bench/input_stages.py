"""Stages of the input from picture files to batches, each with its measured rate."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data import Batches, Prefetch, Split
from alexnet_jax.data.prepare import Shard, pack, prepare, set_worker_source, write_shard
from alexnet_jax.data.sources import Source, crop, decode, photographs

SYNTHETIC = "synthetic"
_PICTURES = 32
_IN_SHARD = 256
_LONG_SIDE, _QUALITY = 500, 97  # 84 kB; ImageNet's pictures have about 110 kB
_ROUNDS = 4
_WARM = 6  # batches until the loader has allocated all its memory


@dataclass(frozen=True)
class Rate:
    """Measured rate: images/s of wall time, and CPU time (s) of all threads of this process."""

    images_per_second: float
    cpu_seconds_per_image: float


def timed(
    call: Callable[[], int],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    cpu: Callable[[], float] = time.process_time,
) -> Rate:
    """Measure the rate of a call that returns its number of images, after one untimed call.

    Args:
      call: function to measure.
      seconds: least duration of the measurement.
      clock, cpu: sources of wall time and CPU time, in s.
    """
    call()
    began, cpu_began, count = clock(), cpu(), 0
    while True:
        count += call()
        now = clock()
        if now - began >= seconds:
            return Rate(count / (now - began), (cpu() - cpu_began) / count)


@dataclass(frozen=True)
class Encoded:
    """Pictures of a source, as encoded files in memory."""

    files: tuple[bytes, ...]
    labels: np.ndarray

    def name(self, number: int) -> str:
        return f"picture {number}"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        return decode(self.files[number], self.name(number), size, channels)


@dataclass(frozen=True)
class Noise:
    """Pictures of random pixels, generated for each read and not compressible."""

    labels: np.ndarray
    seed: int

    def name(self, number: int) -> str:
        return f"noise {number}"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        generator = np.random.Generator(np.random.Philox([self.seed, number]))
        return generator.integers(0, 256, (size, size, channels), np.uint8)


def encoded_pictures(count: int = _PICTURES) -> tuple[bytes, ...]:
    """Return JPEG files of crops of photographs in the libraries; they are always the same."""
    from PIL import Image

    generator, pictures = np.random.Generator(np.random.Philox(2012)), list(photographs())
    files = []
    for number in range(count):
        part = crop(pictures[number % len(pictures)], generator)
        scale, file = _LONG_SIDE / max(part.size), io.BytesIO()
        size = (round(part.width * scale), round(part.height * scale))
        part.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=_QUALITY)
        files.append(file.getvalue())
    return tuple(files)


def picture_rates(seconds: float, size: int = 256) -> dict[str, Rate]:
    """Measure stages of picture files in one process.

    "pillow" is plain decoding and resizing, "decode" is that of this package, and "prepare" writes
    records with checksums and statistics. They take turns, so that other load on the machine
    affects all alike.
    """
    files = encoded_pictures()
    labels = (np.arange(len(files)) % 2).astype(np.int32)
    pictures = Encoded(files, labels)

    def ours() -> int:
        for number in range(len(files)):
            pictures.read(number, size, 3)
        return len(files)

    def plain() -> int:
        for data in files:
            decode_with_pillow(data, size)
        return len(files)

    with tempfile.TemporaryDirectory() as directory:
        source = Source("encoded", size, 3, ("a", "b"), {"train": pictures, "test": pictures})
        set_worker_source(source, Path(directory))
        # In a full file of records, 1,365 images of this size share the cost of the file.
        shard = Shard("train", 0, 1, np.resize(np.arange(len(files)), _IN_SHARD))

        def prepared() -> int:
            write_shard(shard)
            return _IN_SHARD

        calls = {"pillow": plain, "decode": ours, "prepare": prepared}
        rounds = [
            {name: timed(call, seconds / _ROUNDS) for name, call in calls.items()}
            for _ in range(_ROUNDS)
        ]
    return {name: _mean([rates[name] for rates in rounds]) for name in calls}


def _mean(rates: list[Rate]) -> Rate:
    """Return the mean rate of measurements that weigh the same number of images each."""
    seconds = sum(1 / rate.images_per_second for rate in rates)
    cpu_seconds = sum(rate.cpu_seconds_per_image for rate in rates)
    return Rate(len(rates) / seconds, cpu_seconds / len(rates))


def decode_with_pillow(data: bytes, size: int) -> np.ndarray:
    """Decode a picture with Pillow alone: short side resized to `size`, centre square cropped."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data), formats=["JPEG"]).convert("RGB")
    scale = size / min(picture.size)
    sides = (max(size, round(picture.width * scale)), max(size, round(picture.height * scale)))
    picture = picture.resize(sides, Image.Resampling.BICUBIC)
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def make_synthetic(data_dir: Path, count: int, size: int = 256) -> None:
    """Prepare and pack a data set of noise called "synthetic"."""
    splits = {
        split: Noise((np.arange(number) % 2).astype(np.int32), seed)
        for seed, (split, number) in enumerate({"train": count, "test": 2}.items())
    }
    with contextlib.redirect_stdout(io.StringIO()):  # hides progress
        prepare(Source(SYNTHETIC, size, 3, ("a", "b"), dict(splits)), data_dir, workers=1)
        pack(SYNTHETIC, data_dir, workers=1)


def measure_in_order(split: Split, batch: int, seconds: float) -> Rate:
    """Measure the rate of copying a split's rows in stored order into one array, by batches."""
    row, count = 0, len(split)
    images = np.empty((batch, *split.images.shape[1:]), np.uint8)

    def next_rows() -> int:
        nonlocal row
        row = row + batch if row + 2 * batch <= count else 0
        images[:] = split.images[row : row + batch]
        return batch

    return timed(next_rows, seconds)


def measure_loader(split: Split, batch: int, seconds: float) -> Rate:
    """Measure the rate of shuffled batches with labels, read by the loader's threads."""
    with Prefetch(Batches(split, batch, 0)) as batches:
        for _ in range(_WARM):
            next(batches)

        def next_batch() -> int:
            return len(next(batches)["image"])

        return timed(next_batch, seconds)
