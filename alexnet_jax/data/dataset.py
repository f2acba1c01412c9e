"""Data sets: two splits of stored images with labels, and the names of the classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, SupportsIndex, TypeAlias

import numpy as np

from alexnet_jax.data.file_stamps import Stamps
from alexnet_jax.data.plain import Ground
from alexnet_jax.errors import InputError

# Arrays [...] and [N]. `numpy.typing.NDArray` would have Any for their shapes.
Pixels: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
Floats: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"
Labels: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int32]]"
Checksums: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint32]]"
# One row, or several.
Rows: TypeAlias = "SupportsIndex | slice | Sequence[int] | np.ndarray"


class Images(Protocol):
    """Interface of a split's images; arrays in memory, mapped arrays and records provide it.

    `images[rows]` is [S, S, C] for a whole number, and [N, S, S, C] for a slice, list or array.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[np.uint8]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Rows, /) -> Pixels: ...


class Reading(Protocol):
    """Function to call with the row ranges, [start, stop), that will be read next.

    The disk can then fetch them in one sweep. The call returns at once.
    """

    def __call__(self, ranges: Sequence[tuple[int, int]], /) -> None: ...


@dataclass(frozen=True)
class Split:
    """Stored images [N, S, S, C] uint8 and their labels [N] int32.

    Attributes:
      will_read: call it with the rows to be read next; None where reading is fast.
      crc32: [N] uint32 checksum of each image's bytes, if recorded when they were written.
    """

    images: Images
    labels: Labels
    will_read: Reading | None = None
    crc32: Checksums | None = None

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2]:
            raise InputError(
                f"images must be uint8 [N, S, S, C], got {self.images.dtype} {self.images.shape}"
            )
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int32:
            raise InputError(
                f"labels must be int32 [{len(self.images)}], "
                f"got {self.labels.dtype} {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Dataset:
    """Splits "train" and "test" with one stored size, and the class names in label order.

    A prepared data set also has its `statistics` (as from `pixel_statistics`), its `sha256`, the
    `stamps` of its files, and the `ground` on which transparency was laid, None if it had none.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    statistics: tuple[Floats, Floats, Floats] | None = None
    sha256: str | None = None
    stamps: Stamps | None = None
    ground: Ground | None = None

    def __post_init__(self) -> None:
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise InputError(
                f"{self.name}: training images are {self.train.images.shape[1:]}, "
                f"test images {self.test.images.shape[1:]}"
            )
        for split in (self.train, self.test):
            labels = split.labels
            if len(labels) and (labels.min() < 0 or labels.max() >= len(self.class_names)):
                raise InputError(
                    f"{self.name}: labels run from {labels.min()} to {labels.max()}, "
                    f"but there are {len(self.class_names)} classes"
                )

    @property
    def stored_size(self) -> int:
        return self.train.images.shape[1]

    @property
    def channels(self) -> int:
        return self.train.images.shape[3]

    def require_unchanged(self) -> None:
        """Raise InputError if a file has changed since it was opened."""
        changed = [] if self.stamps is None else self.stamps.changed()
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise InputError(
                f"{self.name} was changed while it was read: {changed[0]}{more}; checkpoints so "
                "far are of the data as they were, prepare verify says what differs"
            )

    def fingerprint(self) -> str:
        """Return the SHA-256 of both splits, which shows whether the data of a run have changed."""
        if self.sha256 is not None:
            return self.sha256
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(np.ascontiguousarray(split.images[:]))
            digest.update(np.ascontiguousarray(split.labels))
        return digest.hexdigest()
