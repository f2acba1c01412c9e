"""Reading the packed form: images in a file that is mapped into memory.

They are read without being decoded or copied more than once, so a batch costs little more than
moving its bytes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data.dataset import Reading, Split
from alexnet_jax.data.manifest import Beside
from alexnet_jax.errors import InputError


def images_name(split: str) -> str:
    return f"{split}_images.npy"


class Mapped:
    """The images of a mapped file, [N, S, S, C] uint8.

    What is read past the end of a file ends the process, and files can be cut short while they are
    mapped. So the length is asked for before every reading, which costs about one microsecond.
    """

    def __init__(self, path: Path, mapped: np.memmap) -> None:
        self._path, self._end = path, mapped.offset + mapped.nbytes
        # A plain view: numpy.memmap would cost a Python call for every array made from it.
        self._array = mapped.view(np.ndarray)
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.whole()[rows]

    def whole(self) -> np.ndarray:
        """All of them, mapped. InputError where the file is shorter by now."""
        try:
            length = os.stat(self._path).st_size
        except FileNotFoundError:  # its bytes stay as long as it is mapped
            return self._array
        if length < self._end:
            raise InputError(
                f"{self._path} was cut short while it was read, to {length:,} of {self._end:,} "
                "bytes; pack the data set again"
            )
        return self._array


def packed_split(directory: Path, beside: Beside, split: str) -> Split:
    """A split of a packed data set, its images mapped into memory.

    Raises:
      InputError: a file that is missing or has another size than it should.
    """
    path, shape = directory / images_name(split), (beside.count(split), *beside.shape)
    try:
        mapped = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; pack the data set again") from None
    except (ValueError, EOFError) as error:  # too short, or no array at all
        raise InputError(f"{path} is damaged ({error}); pack the data set again") from None
    if mapped.dtype != np.uint8 or mapped.shape != shape:
        raise InputError(f"{path} holds {mapped.dtype} {mapped.shape}, expected uint8 {shape}")
    images, crc32 = Mapped(path, mapped), beside.crc32.get(split)
    return Split(images, beside.labels[split], _reading(path, mapped), crc32)


def _reading(path: Path, mapped: np.memmap) -> Reading | None:
    """Asks the disk for rows in one sweep, where the system knows how to be asked."""
    if not hasattr(os, "posix_fadvise"):
        return None
    first, row = mapped.offset, mapped.strides[0]

    def ask(ranges: Sequence[tuple[int, int]]) -> None:
        with open(path, "rb") as file:
            for start, stop in ranges:
                place, length = first + start * row, (stop - start) * row
                os.posix_fadvise(file.fileno(), place, length, os.POSIX_FADV_WILLNEED)

    def will_read(ranges: Sequence[tuple[int, int]]) -> None:
        # A disk that is busy makes the one who asks wait.
        threading.Thread(target=ask, args=(ranges,), daemon=True).start()

    return will_read
