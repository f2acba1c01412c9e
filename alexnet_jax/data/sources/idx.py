"""The idx format of MNIST and its successors: one file of images and one of labels per split."""

from __future__ import annotations

import functools
import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet_jax.data.sources.source import Source
from alexnet_jax.errors import InputError

_FILES = {"train": "train", "test": "t10k"}
_UINT8 = 8  # the format's number for the type
_MOST_BYTES = 2**31


@functools.cache
def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read the uint8 array of an idx file, plain or compressed with gzip.

    The file begins with 0, 0, the type (8: uint8), the number of dimensions, and their sizes as
    big-endian 32-bit numbers; the values follow in C order.

    Raises:
      InputError: no such file; not idx; another number of dimensions; sizes that do not match the
        file's length.

    Source: http://yann.lecun.com/exdb/mnist
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != bytes([0, 0, _UINT8]) or head[3] != dimensions:
                raise InputError(
                    f"{path} is not an idx file of uint8 in {dimensions} dimensions: "
                    f"it begins with {head.hex(' ') or 'nothing'}"
                )
            sizes = file.read(4 * dimensions).ljust(4 * dimensions, b"\0")
            shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
            count = math.prod(shape)
            if not 0 < count <= _MOST_BYTES:
                raise InputError(f"{path} claims the size {shape}, which cannot be")
            values = file.read(count + 1)  # one more, to check that the file ends there
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if len(values) != count:
        present = "more" if len(values) > count else f"{len(values):,}"
        raise InputError(f"{path} claims {count:,} values but holds {present}")
    return np.frombuffer(values, np.uint8).reshape(shape)


@dataclass(frozen=True)
class IdxPictures:
    """Grey images of an idx file, with black pixels added on every side."""

    path: Path
    labels: np.ndarray
    pad: int

    def name(self, number: int) -> str:
        return f"{self.path.name}[{number}]"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        image = read_idx(self.path, 3)[number]
        return np.pad(image, self.pad)[..., None].repeat(channels, -1)


def idx(directory: Path, name: str, *, pad: int = 2, class_names: tuple[str, ...] = ()) -> Source:
    """Return the four idx files of a directory, compressed or not, as a source without resizing.

    Args:
      directory: directory of {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte,
        each with or without .gz.
      name: name of the data set.
      pad: black pixels to add on every side, which random crops take away again.
      class_names: names in label order; by default the labels' numbers.

    Raises:
      InputError: a file is missing or broken, images are not square, a label has no class, or a
        class has no pictures.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory")
    if pad < 0:
        raise InputError(f"--pad must be at least 0, got {pad}")
    splits, sizes = {}, {}
    for split, prefix in _FILES.items():
        images = _existing(directory, f"{prefix}-images-idx3-ubyte")
        labels = read_idx(_existing(directory, f"{prefix}-labels-idx1-ubyte"), 1)
        sizes[split] = shape = read_idx(images, 3).shape
        if shape[1] != shape[2] or len(labels) != shape[0]:
            raise InputError(
                f"{images}: square images with a label each are needed, got {shape[0]} images of "
                f"{shape[1]}x{shape[2]} and {len(labels)} labels"
            )
        splits[split] = IdxPictures(images, labels.astype(np.int32), pad)
    if sizes["train"][1] != sizes["test"][1]:
        raise InputError(
            f"{directory}: images of {sizes['train'][1]} and {sizes['test'][1]} pixels"
        )
    classes = int(splits["train"].labels.max()) + 1
    class_names = class_names or tuple(str(label) for label in range(classes))
    for split, pictures in splits.items():
        if pictures.labels.max() >= len(class_names):
            raise InputError(
                f"{directory}: {split} has the label {pictures.labels.max()}, but there are "
                f"{len(class_names)} classes"
            )
    missing = set(range(len(class_names))) - set(splits["train"].labels.tolist())
    if missing:
        raise InputError(
            f"{directory}: classes with no pictures: "
            f"{', '.join(class_names[label] for label in sorted(missing))}"
        )
    sums = {split: zlib.crc32(read_idx(part.path, 3)) for split, part in splits.items()}
    about = {"kind": "idx", "pad": pad, "crc32": sums}
    return Source(name, sizes["train"][1] + 2 * pad, 1, class_names, dict(splits), about)


def _existing(directory: Path, name: str) -> Path:
    for path in (directory / name, directory / f"{name}.gz"):
        if path.is_file():
            return path
    raise InputError(f"{directory} has neither {name} nor {name}.gz")
