"""Shards of a split: the pictures of one file of records, read and written."""

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
RECORD_OVERHEAD_BYTES = 256  # bytes of a record besides its pixels, at most


@dataclass(frozen=True, eq=False)
class Shard:
    """Pictures of a split that form one file of records, in the order of `rows`."""

    split: str
    number: int
    shards: int
    rows: np.ndarray

    @property
    def part(self) -> str:
        """Name of the file of the shard's labels, checksums and sums."""
        return f"{self.split}-{self.number:05d}.npz"


def shards(source: Source) -> list[Shard]:
    """Divide all pictures of each split into shards, in a random order from a fixed seed."""
    image_bytes = source.size**2 * source.channels
    most = max(1, min(_MOST_IN_SHARD, SHARD_BYTES // image_bytes))
    result = []
    for number, split in enumerate(SPLITS):
        count = len(source.splits[split].labels)
        order = np.random.Generator(np.random.Philox([_SEED, number])).permutation(count)
        pieces = np.array_split(order, -(-count // most))
        result += [Shard(split, k, len(pieces), rows) for k, rows in enumerate(pieces)]
    return result


_current: tuple[Source, Path] | None = None  # of this process


def set_worker_source(source: Source, work: Path) -> None:
    """Set the source that `write_shard` reads in this process, and the directory it writes to."""
    global _current
    _current = (source, work)


def write_shard(shard: Shard) -> tuple[Shard, list[str]]:
    """Read a shard's pictures and write its records; return it with errors of unreadable pictures.

    The file `shard.part`, with labels, checksums and sums, is written last: it marks the shard as
    complete.
    """
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
    """Return the errors of a shard's unreadable pictures."""
    with np.load(part) as arrays:
        return [str(line) for line in arrays["bad"]]
