"""Writing of the packed form: each split's images in one file that can be mapped into memory.

The directory `DATA_DIR/NAME/packed/` has train_images.npy and test_images.npy, [N, S, S, C] uint8,
and the files of the manifest: labels, checksums, statistics and dataset.json.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.manifest import DESCRIPTION, SPLITS, Manifest
from alexnet_jax.data.mapped import PACKED, differing, images_name
from alexnet_jax.data.prepare.workers import each_done
from alexnet_jax.data.records import VERSION, RecordImages
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import hold

_CHUNK_BYTES = 2**28  # of images that are written, and marked as written, at a time
_AT_A_TIME = 64  # records


@dataclass(frozen=True)
class Chunk:
    """Range of rows of a split that is packed at a time."""

    split: str
    start: int
    stop: int

    @property
    def mark(self) -> str:
        """Name of the file that marks this chunk as written."""
        return f"{self.split}-{self.start}.done"


def pack(name: str, data_dir: Path, *, workers: int, note: Callable[[str], None] = print) -> Path:
    """Write the packed form of a data set from its records, verifying every image.

    Packing that was stopped is resumed; if the packed form is complete, nothing is done.

    Args:
      name: name of the data set.
      data_dir: directory of the prepared data sets.
      workers: number of processes.
      note: prints a message.

    Returns:
      The directory of the packed form.

    Raises:
      InputError: there are no records, an image differs from its checksum, the disk lacks room, or
        another process prepares or packs the data set.
    """
    directory = data_dir / name / PACKED
    if not _is_finished(directory, note):
        records = Manifest.load(directory.with_name(VERSION))
        with hold(directory.parent):
            if not _is_finished(directory, note):  # by another process, meanwhile
                _pack_all(name, directory, records, workers, note)
    return directory


def _is_finished(directory: Path, note: Callable[[str], None]) -> bool:
    """Whether all is packed, with a note; raise InputError if from other records."""
    if not (directory / DESCRIPTION).exists():
        return False
    packed, records = Manifest.load(directory), directory.with_name(VERSION)
    has_records = (records / DESCRIPTION).exists()  # they may have been removed
    if has_records and Manifest.load(records).sha256() != packed.sha256():
        raise InputError(f"{directory} was packed from other records; remove it to pack again")
    note(f"{directory} is finished; nothing to do")
    return True


def _pack_all(
    name: str, directory: Path, manifest: Manifest, workers: int, note: Callable[[str], None]
) -> None:
    records = directory.with_name(VERSION)
    work = directory.with_name(f"{PACKED}.unfinished")
    _open_work(work, manifest)
    rows = max(1, _CHUNK_BYTES // int(np.prod(manifest.shape)))
    every = [
        Chunk(split, start, min(start + rows, manifest.count(split)))
        for split in SPLITS
        for start in range(0, manifest.count(split), rows)
    ]
    todo = [chunk for chunk in every if not (work / chunk.mark).exists()]
    total = sum(chunk.stop - chunk.start for chunk in every)
    remaining = sum(chunk.stop - chunk.start for chunk in todo)
    if remaining < total:
        note(f"resumed: {total - remaining:,} of {total:,} images are packed")
    progress = Progress(f"{name}: packing", total, total - remaining)
    initargs = (records, work, manifest)
    done = each_done(_pack, todo, workers=workers, initializer=_set_job, initargs=initargs)
    try:
        for chunk in done:
            progress.advance(chunk.stop - chunk.start)
    finally:
        done.close()
    progress.finish()
    manifest.save(work)
    for chunk in every:
        (work / chunk.mark).unlink()
    (work / "sha256").unlink()
    work.rename(directory)


def _open_work(work: Path, manifest: Manifest) -> None:
    """Create the working directory, with sparse files of full length, unless it exists."""
    mark = work / "sha256"
    if mark.exists():
        if mark.read_text() != manifest.sha256():
            raise InputError(f"{work} was packed from other records; remove it to start over")
        return
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    needed = sum(manifest.count(split) for split in SPLITS) * int(np.prod(manifest.shape))
    free = shutil.disk_usage(work).free
    if needed > free:
        raise InputError(f"{work} needs {needed / 1e9:,.1f} GB, but {free / 1e9:,.1f} GB are free")
    for split in SPLITS:
        create_images(work / images_name(split), (manifest.count(split), *manifest.shape))
    mark.write_text(manifest.sha256())


def create_images(path: Path, shape: tuple[int, ...]) -> None:
    """Create an .npy file of uint8 zeros, sparse, so that it takes no room until it is written."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(file, header)
        file.truncate(file.tell() + int(np.prod(shape, dtype=np.int64)))


# Of this process: directory of the records, working directory, manifest, images by split.
_job: tuple[Path, Path, Manifest, dict[str, RecordImages]] | None = None


def _set_job(records: Path, work: Path, manifest: Manifest) -> None:
    global _job
    images = {split: RecordImages(records, split, manifest.shape) for split in SPLITS}
    _job = (records, work, manifest, images)


def _pack(chunk: Chunk) -> Chunk:
    assert _job is not None
    records, work, manifest, images = _job
    path, image_bytes = work / images_name(chunk.split), int(np.prod(manifest.shape))
    first = path.stat().st_size - manifest.count(chunk.split) * image_bytes
    with open(path, "r+b") as file:
        file.seek(first + chunk.start * image_bytes)
        for start in range(chunk.start, chunk.stop, _AT_A_TIME):
            rows = np.arange(start, min(start + _AT_A_TIME, chunk.stop))
            read = images[chunk.split][rows]
            wrong = differing(read, manifest.crc32[chunk.split][rows])
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
