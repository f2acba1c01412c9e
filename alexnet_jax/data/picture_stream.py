"""Streams of many pictures: listed, decoded in threads, returned in blocks of one size."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from alexnet_jax.data.images import SUFFIXES, quiet_pillow, read_stored
from alexnet_jax.data.plain import Ground
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cores

STANDARD_INPUT = "-"
_MOST_BYTES = 2**30  # of a picture on standard input

Read = Callable[[range], Sequence[np.ndarray | InputError]]


@dataclass(frozen=True)
class Listed:
    """Picture that a command line names (`named`), or that lies in a directory it names."""

    name: str
    named: bool = True


def list_pictures(arguments: Sequence[str]) -> list[Listed]:
    """Return the pictures that arguments name: files, directories, and "-" for standard input.

    A directory stands for the files in it with a picture's suffix, in the order of their names;
    hidden files and subdirectories are left out. A file that is named need not exist; reading it
    returns the error.

    Raises:
      InputError: a directory without pictures; "-" twice.
    """
    pictures: list[Listed] = []
    for argument in arguments:
        if argument != STANDARD_INPUT and os.path.isdir(argument):
            pictures += [Listed(str(path), named=False) for path in pictures_in(Path(argument))]
        else:
            pictures.append(Listed(argument))
    if sum(picture.name == STANDARD_INPUT for picture in pictures) > 1:
        raise InputError("- may be given once: standard input is one picture")
    return pictures


def pictures_in(directory: Path) -> list[Path]:
    """Return a directory's files with a picture's suffix, by name; InputError if it has none."""
    with os.scandir(directory) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".")
            and Path(entry.name).suffix.lower() in SUFFIXES
            and is_file(entry)
        )
    if not names:
        raise InputError(
            f"{directory} has no pictures: no files in it end in {', '.join(sorted(SUFFIXES))}"
        )
    return [directory / name for name in names]


# Folders that may hold the pictures to test with, in the order in which they serve.
TESTS = ("test", "val", "valid", "validation")


def split_folders(directory: Path) -> list[str]:
    """Return which of the folders `TESTS` exist in a directory."""
    return [name for name in TESTS if (directory / name).is_dir()]


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a directory is a plain file, or a link that leads nowhere.

    Such a link counts as a file, so that it is named when it cannot be read.
    """
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return entry.is_symlink()


def is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a directory is a directory; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def make_reader(
    pictures: Sequence[Listed],
    size: int,
    channels: int,
    resize: str = "short_bicubic",
    ground: Ground = "white",
) -> Read:
    """Return a function that reads the pictures of given numbers, as `read_stored` does."""

    stored = partial(read_stored, size=size, channels=channels, resize=resize, ground=ground)

    def read(picture: Listed) -> np.ndarray | InputError:
        try:
            if picture.name == STANDARD_INPUT:
                content = sys.stdin.buffer.read(_MOST_BYTES + 1)
                if len(content) > _MOST_BYTES:
                    raise InputError(f"standard input has more than {_MOST_BYTES:,} bytes")
                return stored("standard input", file=io.BytesIO(content))
            return stored(picture.name)
        except InputError as error:
            return error

    return lambda numbers: [read(pictures[number]) for number in numbers]


@dataclass(frozen=True)
class Block:
    """Consecutive pictures of a stream.

    Attributes:
      numbers: range of the n pictures' numbers in the stream.
      images: [B, S, S, C] uint8, n <= B; zeros for pictures that could not be read and after the
        last.
      errors: errors of the pictures that could not be read, by their numbers.
    """

    numbers: range
    images: np.ndarray
    errors: dict[int, InputError]

    @property
    def good(self) -> np.ndarray:
        """Positions in the block of the pictures that were read, ascending."""
        return np.array([n not in self.errors for n in self.numbers], bool).nonzero()[0]


def blocks(
    read: Read,
    count: int,
    shape: tuple[int, ...],
    batch: int,
    *,
    at_a_time: int = 1,
    ahead: int = 2,
) -> Iterator[Block]:
    """Yield `count` pictures in blocks of `batch`, in order, read by one thread for each core.

    Args:
      read: function from a range of numbers to their pictures, or an InputError for each picture
        that cannot be read.
      shape: shape of a picture, (S, S, C).
      batch: B, the size of every block, so that one compiled program serves all.
      at_a_time: number of pictures that a thread reads in one call.
      ahead: number of blocks that are read, or being read, before they are needed; no more are in
        memory.
    """
    starts = iter(range(0, count, batch))
    pending: deque[list[tuple[range, Future[Sequence[np.ndarray | InputError]]]]] = deque()
    with quiet_pillow(), ThreadPoolExecutor(cores(), thread_name_prefix="decode") as pool:
        try:
            while True:
                while len(pending) <= ahead and (start := next(starts, None)) is not None:
                    end = min(start + batch, count)
                    parts = [
                        range(first, min(first + at_a_time, end))
                        for first in range(start, end, at_a_time)
                    ]
                    pending.append([(part, pool.submit(read, part)) for part in parts])
                if not pending:
                    return
                yield _block(pending.popleft(), (batch, *shape))
        finally:
            pool.shutdown(cancel_futures=True)


def _block(
    parts: list[tuple[range, Future[Sequence[np.ndarray | InputError]]]], shape: tuple[int, ...]
) -> Block:
    numbers = range(parts[0][0].start, parts[-1][0].stop)
    images, errors = np.zeros(shape, np.uint8), {}
    for part, future in parts:
        for number, picture in zip(part, future.result(), strict=True):
            if isinstance(picture, InputError):
                errors[number] = picture
            else:
                images[number - numbers.start] = picture
    return Block(numbers, images, errors)
