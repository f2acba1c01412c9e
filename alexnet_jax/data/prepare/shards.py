"""A part of a split: the pictures that make one file of records, read and written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.manifest import SPLITS
from alexnet_jax.data.records import RecordWriter, shard_name
from alexnet_jax.data.sources.source import Source
from alexnet_jax.data.statistics import Sums
from alexnet_jax.errors import InputError

SHARD_BYTES = 2**28  # of images
_MOST_IN_SHARD = 8192
_SEED = 2012
BESIDE_A_RECORD = 256  # bytes, at most, besides the pixels


@dataclass(frozen=True, eq=False)
class Shard:
    """Which pictures of a split make one file of records, in that order."""

    split: str
    number: int
    shards: int
    rows: np.ndarray

    @property
    def part(self) -> str:
        return f"{self.split}-{self.number:05d}.npz"


def shards(source: Source) -> list[Shard]:
    """Every picture of a split once, in an order drawn from a fixed seed, cut into shards."""
    image_bytes = source.size**2 * source.channels
    most = max(1, min(_MOST_IN_SHARD, SHARD_BYTES // image_bytes))
    found = []
    for place, split in enumerate(SPLITS):
        count = len(source.splits[split].labels)
        order = np.random.Generator(np.random.Philox([_SEED, place])).permutation(count)
        pieces = np.array_split(order, -(-count // most))
        found += [Shard(split, k, len(pieces), rows) for k, rows in enumerate(pieces)]
    return found


_current: tuple[Source, Path] | None = None  # of this process


def set_source(source: Source, work: Path) -> None:
    """What `write_shard` reads in this process, and where it writes."""
    global _current
    _current = (source, work)


def write_shard(shard: Shard) -> tuple[Shard, list[str]]:
    """Reads a shard's pictures and writes its records, then what is known of them, as proof."""
    assert _current is not None
    source, work = _current
    pictures, shape = source.splits[shard.split], (source.size, source.size, source.channels)
    name = shard_name(source.name, shard.split, shard.number, shard.shards)
    writer = RecordWriter(work / name)
    sums, labels, crc32, bad = Sums(shape), [], [], []
    for row in shard.rows.tolist():
        try:
            image = pictures.read(row, source.size, source.channels)
        except InputError as error:
            bad.append(str(error))
            continue
        label = int(pictures.labels[row])
        writer.write(image, label, pictures.name(row))
        sums.add(image[None])
        labels.append(label)
        crc32.append(zlib.crc32(np.ascontiguousarray(image)))
    writer.close()
    aside = work / (shard.part + ".unfinished")
    with open(aside, "wb") as file:
        np.savez(
            file,
            labels=np.array(labels, np.int32),
            crc32=np.array(crc32, np.uint32),
            image=sums.image,
            products=sums.products,
            bad=np.array(bad, np.str_),
        )
    aside.replace(work / shard.part)
    return shard, bad


def bad_pictures(part: Path) -> list[str]:
    """What is wrong with the pictures of a shard that could not be read."""
    with np.load(part) as found:
        return [str(line) for line in found["bad"]]
