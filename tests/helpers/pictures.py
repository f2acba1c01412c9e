"""Made-up pictures: sources in memory, and folders of PNG files."""

import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.sources.source import Source

SHAPE = (6, 6, 3)
BROKEN = (3, 30)  # of the training pictures, for sources with broken ones


@dataclass(frozen=True)
class Drawn:
    """Pictures that are functions of their numbers; some cannot be read."""

    split: str
    labels: np.ndarray
    broken: tuple[int, ...] = ()

    def name(self, number: int) -> str:
        return f"{self.split}/{number}"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        if number in self.broken:
            raise InputError(f"{self.name(number)}: broken")
        return drawn(self.split, number, (size, size, channels))


class Slowly(Drawn):
    """Pictures that take their time."""

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        time.sleep(0.03)
        return super().read(number, size, channels)


def drawn(split: str, number: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    generator = np.random.default_rng([zlib.crc32(split.encode()), number])
    return generator.integers(0, 256, shape, np.uint8)


def source(
    train: int = 50, test: int = 20, broken: tuple[int, ...] = (), kind: type[Drawn] = Drawn
) -> Source:
    """Pictures of 6x6 in three classes."""
    splits = {
        split: kind(split, (np.arange(count) % 3).astype(np.int32), broken * (split == "train"))
        for split, count in (("train", train), ("test", test))
    }
    return Source("drawn", 6, 3, ("a", "b", "c"), dict(splits))


def quiet(_: str) -> None:
    """Notes nothing."""


def png(
    width: int, height: int, depth: int, kind: int, data: bytes, key: tuple[int, ...] = ()
) -> bytes:
    """A PNG of a bit depth and colour type: its rows, and a colour that is transparent."""

    def chunk(name: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + crc

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    step = len(data) // height
    rows = b"".join(b"\0" + data[k : k + step] for k in range(0, len(data), step))
    parts = [(b"IHDR", header), (b"tRNS", struct.pack(f">{len(key)}H", *key))]
    parts = [*parts[: 2 if key else 1], (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def write_folders(directory: Path, counts: dict[str, int], side: int = 8) -> None:
    """PNG files `directory`/NAME/K.png, each of one colour of its own."""
    for place, (name, count) in enumerate(counts.items()):
        (directory / name).mkdir(parents=True)
        for number in range(count):
            colour = (20 * place + 5, number, 255 - number)
            Image.new("RGB", (side, side), colour).save(directory / name / f"{number}.png")
