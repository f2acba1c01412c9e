"""What each stage of the way from picture files to batches can do, measured one by one."""

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
from alexnet_jax.data.prepare import Shard, pack, prepare, set_source, write_shard
from alexnet_jax.data.sources import Source, crop, decode, photographs

SYNTHETIC = "synthetic"
_PICTURES = 32
_IN_SHARD = 256
_LONG_SIDE, _QUALITY = 500, 97  # 84 kB; ImageNet's pictures have about 110 kB
_ROUNDS = 4
_WARM = 6  # batches until the loader's memory is all there


@dataclass(frozen=True)
class Rate:
    """What was measured: by the clock, and by the time that all threads of this process took."""

    images_per_second: float
    cpu_seconds_per_image: float


def timed(
    call: Callable[[], int],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    cpu: Callable[[], float] = time.process_time,
) -> Rate:
    """How fast a call goes through images, of which it returns the number; at least `seconds` long.

    Called once before, not counted.
    """
    call()
    began, spent, count = clock(), cpu(), 0
    while True:
        count += call()
        now = clock()
        if now - began >= seconds:
            return Rate(count / (now - began), (cpu() - spent) / count)


@dataclass(frozen=True)
class Encoded:
    """Picture files in memory as a source's pictures."""

    files: tuple[bytes, ...]
    labels: np.ndarray

    def name(self, number: int) -> str:
        return f"picture {number}"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        return decode(self.files[number], self.name(number), size, channels)


@dataclass(frozen=True)
class Noise:
    """Pictures of random pixels, which nothing can compress or keep."""

    labels: np.ndarray
    seed: int

    def name(self, number: int) -> str:
        return f"noise {number}"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        generator = np.random.Generator(np.random.Philox([self.seed, number]))
        return generator.integers(0, 256, (size, size, channels), np.uint8)


def encoded_pictures(count: int = _PICTURES) -> tuple[bytes, ...]:
    """JPEG files of parts of the photographs that come with the libraries; always the same."""
    from PIL import Image

    generator, pictures = np.random.Generator(np.random.Philox(2012)), list(photographs())
    found = []
    for number in range(count):
        part = crop(pictures[number % len(pictures)], generator)
        scale, file = _LONG_SIDE / max(part.size), io.BytesIO()
        size = (round(part.width * scale), round(part.height * scale))
        part.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=_QUALITY)
        found.append(file.getvalue())
    return tuple(found)


def picture_rates(seconds: float, size: int = 256) -> dict[str, Rate]:
    """Of one process: "pillow", plain decoding and resizing; "decode", ours; "prepare", to records
    with checksums and statistics. They take turns, so that they share whatever else goes on."""
    files = encoded_pictures()
    labels = (np.arange(len(files)) % 2).astype(np.int32)
    pictures = Encoded(files, labels)

    def ours() -> int:
        for number in range(len(files)):
            pictures.read(number, size, 3)
        return len(files)

    def plain() -> int:
        for data in files:
            plainly(data, size)
        return len(files)

    with tempfile.TemporaryDirectory() as directory:
        source = Source("encoded", size, 3, ("a", "b"), {"train": pictures, "test": pictures})
        set_source(source, Path(directory))
        # What a file of records costs as a whole is shared by 1,365 images of this size.
        shard = Shard("train", 0, 1, np.resize(np.arange(len(files)), _IN_SHARD))

        def prepared() -> int:
            write_shard(shard)
            return _IN_SHARD

        calls = {"pillow": plain, "decode": ours, "prepare": prepared}
        rounds = [
            {name: timed(call, seconds / _ROUNDS) for name, call in calls.items()}
            for _ in range(_ROUNDS)
        ]
    return {name: _mean([found[name] for found in rounds]) for name in calls}


def _mean(rates: list[Rate]) -> Rate:
    """Of as many images each."""
    times, spent = zip(
        *((1 / rate.images_per_second, rate.cpu_seconds_per_image) for rate in rates), strict=True
    )
    return Rate(len(rates) / sum(times), sum(spent) / len(rates))


def plainly(data: bytes, size: int) -> np.ndarray:
    """The least that Pillow needs for a stored image: decoded, short side resized, centre kept."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data)).convert("RGB")
    scale = size / min(picture.size)
    sides = (max(size, round(picture.width * scale)), max(size, round(picture.height * scale)))
    picture = picture.resize(sides, Image.Resampling.BICUBIC)
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    return np.asarray(picture.crop((left, top, left + size, top + size)))


def make_synthetic(data_dir: Path, count: int, size: int = 256) -> None:
    """Prepares and packs a data set of noise called "synthetic"."""
    splits = {
        split: Noise((np.arange(number) % 2).astype(np.int32), seed)
        for seed, (split, number) in enumerate({"train": count, "test": 2}.items())
    }
    with contextlib.redirect_stdout(io.StringIO()):  # progress
        prepare(Source(SYNTHETIC, size, 3, ("a", "b"), dict(splits)), data_dir, workers=1)
        pack(SYNTHETIC, data_dir, workers=1)


def in_order(split: Split, batch: int, seconds: float) -> Rate:
    """A split's rows as they lie, a batch at a time, into one array."""
    place, count = 0, len(split)
    images = np.empty((batch, *split.images.shape[1:]), np.uint8)

    def next_rows() -> int:
        nonlocal place
        place = place + batch if place + 2 * batch <= count else 0
        images[:] = split.images[place : place + batch]
        return batch

    return timed(next_rows, seconds)


def through_the_loader(split: Split, batch: int, seconds: float) -> Rate:
    """Batches with labels in the shuffled order, read by the loader's threads."""
    with Prefetch(Batches(split, batch, 0)) as batches:
        for _ in range(_WARM):
            next(batches)

        def next_batch() -> int:
            return len(next(batches)["image"])

        return timed(next_batch, seconds)
