"""Reading of the packed form: images in a file that is mapped into memory.

Images are not decoded and are copied only once, so reading a batch costs little more than copying
its bytes.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexnet_jax.data.dataset import Pixels, Reading, Rows, Split
from alexnet_jax.data.manifest import Manifest
from alexnet_jax.errors import InputError

PACKED = "packed"  # directory of the form, beside the records


def images_name(split: str) -> str:
    """Return the name of the file of a split's images."""
    return f"{split}_images.npy"


class Mapped:
    """Images of a memory-mapped file, [N, S, S, C] uint8.

    Access beyond the end of the file would kill the process, and a file can be truncated while it
    is mapped. The length is therefore checked before every read, which takes about a microsecond.
    """

    def __init__(self, path: Path, mapped: np.memmap) -> None:
        self._path, self._end = path, mapped.offset + mapped.nbytes
        # A plain view, since numpy.memmap adds a Python call for every array derived from it.
        self._array = mapped.view(np.ndarray)
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows, /) -> Pixels:
        images: Pixels = self.whole()[rows]
        return images

    def whole(self) -> Pixels:
        """Return all images, mapped; raise InputError if the file has become shorter."""
        try:
            length = os.stat(self._path).st_size
        except FileNotFoundError:  # a removed file stays readable while it is mapped
            return self._array
        if length < self._end:
            raise InputError(
                f"{self._path} was cut short while it was read, to {length:,} of {self._end:,} "
                "bytes; pack the data set again"
            )
        return self._array


def packed_split(directory: Path, manifest: Manifest, split: str) -> Split:
    """Open a split of a packed data set, with its images mapped into memory.

    Raises:
      InputError: the file of images is missing, damaged or has another shape than the manifest.
    """
    path, shape = directory / images_name(split), (manifest.count(split), *manifest.shape)
    try:
        mapped = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; pack the data set again") from None
    except (ValueError, EOFError) as error:  # too short, or no array at all
        raise InputError(f"{path} is damaged ({error}); pack the data set again") from None
    if mapped.dtype != np.uint8 or mapped.shape != shape:
        raise InputError(f"{path} holds {mapped.dtype} {mapped.shape}, expected uint8 {shape}")
    images, crc32 = Mapped(path, mapped), manifest.crc32.get(split)
    return Split(images, manifest.labels[split], _reading(path, mapped), crc32)


def _reading(path: Path, mapped: np.memmap) -> Reading | None:
    """Return a function that asks the system to read rows ahead; None if the system cannot."""
    if not hasattr(os, "posix_fadvise"):
        return None
    first, row = mapped.offset, mapped.strides[0]

    def read_ahead(ranges: Sequence[tuple[int, int]]) -> None:
        with open(path, "rb") as file:
            for start, stop in ranges:
                offset, length = first + start * row, (stop - start) * row
                os.posix_fadvise(file.fileno(), offset, length, os.POSIX_FADV_WILLNEED)

    def will_read(ranges: Sequence[tuple[int, int]]) -> None:
        # In a thread, since the call blocks while the disk is busy.
        threading.Thread(target=read_ahead, args=(ranges,), daemon=True).start()

    return will_read


def differing(images: np.ndarray, crc32: np.ndarray) -> np.ndarray:
    """Return the positions of images whose CRC-32 differs from the one at the same position."""
    computed = [zlib.crc32(image) for image in np.ascontiguousarray(images)]
    return np.flatnonzero(np.array(computed, np.uint32) != crc32)
