"""Writing the packed form: each split's images in one file that can be mapped into memory.

`DATA_DIR/NAME/packed/` holds train_images.npy and test_images.npy, [N, S, S, C] uint8, and beside
them labels, checksums, statistics and dataset.json.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.manifest import DESCRIPTION, SPLITS, Beside
from alexnet_jax.data.mapped import images_name
from alexnet_jax.data.prepare.workers import each_done
from alexnet_jax.data.records import VERSION, RecordImages
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError

PACKED = "packed"
_CHUNK_BYTES = 2**28  # written, and known to be written, at a time
_AT_A_TIME = 64  # records


@dataclass(frozen=True)
class Chunk:
    """Rows of a split that are packed at a time."""

    split: str
    start: int
    stop: int

    @property
    def mark(self) -> str:
        return f"{self.split}-{self.start}.done"


def pack(name: str, data_dir: Path, *, workers: int, note: Callable[[str], None] = print) -> Path:
    """Writes the packed form of a data set whose records are there; every image is verified.

    Goes on where it stopped; a finished one is recognised.

    Raises:
      InputError: no records, an image that differs from its checksum, too little room.
    """
    records = data_dir / name / VERSION
    directory = data_dir / name / PACKED
    if (directory / DESCRIPTION).exists():
        packed = Beside.load(directory)  # the records may be gone by now
        there = (records / DESCRIPTION).exists()
        if there and Beside.load(records).sha256() != packed.sha256():
            raise InputError(f"{directory} was packed from other records; remove it to pack again")
        note(f"{directory} is finished; nothing to do")
        return directory
    beside = Beside.load(records)
    work = directory.with_name(f"{PACKED}.unfinished")
    _open_work(work, beside)
    rows = max(1, _CHUNK_BYTES // int(np.prod(beside.shape)))
    every = [
        Chunk(split, start, min(start + rows, beside.count(split)))
        for split in SPLITS
        for start in range(0, beside.count(split), rows)
    ]
    todo = [chunk for chunk in every if not (work / chunk.mark).exists()]
    total, left = (sum(chunk.stop - chunk.start for chunk in group) for group in (every, todo))
    if left < total:
        note(f"goes on: {total - left:,} of {total:,} images are packed")
    progress = Progress(f"{name}: packing", total, total - left)
    initargs = (records, work, beside)
    done = each_done(_pack, todo, workers=workers, initializer=_set_place, initargs=initargs)
    try:
        for chunk in done:
            progress.advance(chunk.stop - chunk.start)
    finally:
        done.close()
    progress.finish()
    beside.save(work)
    for chunk in every:
        (work / chunk.mark).unlink()
    (work / "sha256").unlink()
    work.rename(directory)
    return directory


def _open_work(work: Path, beside: Beside) -> None:
    """Makes the directory with files of their full length, holes so far, unless it is there."""
    mark = work / "sha256"
    if mark.exists():
        if mark.read_text() != beside.sha256():
            raise InputError(f"{work} was packed from other records; remove it to start over")
        return
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    needed = sum(beside.count(split) for split in SPLITS) * int(np.prod(beside.shape))
    free = shutil.disk_usage(work).free
    if needed > free:
        raise InputError(f"{work} needs {needed / 1e9:,.1f} GB, but {free / 1e9:,.1f} GB are free")
    for split in SPLITS:
        create_images(work / images_name(split), (beside.count(split), *beside.shape))
    mark.write_text(beside.sha256())


def create_images(path: Path, shape: tuple[int, ...]) -> None:
    """An .npy file of uint8 zeros, which take no room until they are written."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(file, header)
        file.truncate(file.tell() + int(np.prod(shape, dtype=np.int64)))


_place: tuple[Path, Path, Beside, dict[str, RecordImages]] | None = None  # of this process


def _set_place(records: Path, work: Path, beside: Beside) -> None:
    global _place
    images = {split: RecordImages(records, split, beside.shape) for split in SPLITS}
    _place = (records, work, beside, images)


def _pack(chunk: Chunk) -> Chunk:
    assert _place is not None
    records, work, beside, images = _place
    path, image_bytes = work / images_name(chunk.split), int(np.prod(beside.shape))
    first = path.stat().st_size - beside.count(chunk.split) * image_bytes
    with open(path, "r+b") as file:
        file.seek(first + chunk.start * image_bytes)
        for start in range(chunk.start, chunk.stop, _AT_A_TIME):
            rows = np.arange(start, min(start + _AT_A_TIME, chunk.stop))
            read = images[chunk.split][rows]
            wrong = differing(read, beside.crc32[chunk.split][rows])
            if wrong.size:
                raise InputError(
                    f"{records}: {chunk.split} record {rows[wrong[0]]} differs from its checksum; "
                    "prepare the data set again"
                )
            file.write(read)
        file.flush()
        os.fsync(file.fileno())
    (work / chunk.mark).touch()
    return chunk


def differing(images: np.ndarray, crc32: np.ndarray) -> np.ndarray:
    """Places of the images whose bytes have another CRC-32 than that of the same place."""
    found = [zlib.crc32(image) for image in np.ascontiguousarray(images)]
    return np.flatnonzero(np.array(found, np.uint32) != crc32)
