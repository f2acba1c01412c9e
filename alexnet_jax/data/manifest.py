"""Manifests of prepared data sets: all but the images, the same for records and packed form."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data.plain import Ground
from alexnet_jax.errors import InputError

FORMAT = 1
SPLITS = ("train", "test")
DESCRIPTION = "dataset.json"
_KINDS = {
    "name": str,
    "stored_size": int,
    "channels": int,
    "class_names": list,
    "plan": str,
    "left_out": dict,
    "files": dict,
    "sha256": str,
}
_HEADER = 4096  # bytes, an upper bound for the header of an array's file


@dataclass(frozen=True)
class Manifest:
    """Manifest of a prepared data set: all but its pixels.

    Attributes:
      name: name of the data set on the command line.
      stored_size: side of an image in pixels.
      channels: channels of an image, which is [stored_size, stored_size, channels] uint8.
      class_names: names of the classes in label order.
      labels: split -> labels, [N] int32.
      crc32: split -> CRC-32 of each image's bytes, [N] uint32.
      statistics: result of `pixel_statistics` for the training split.
      plan: SHA-256 of the source pictures and settings of the preparation.
      left_out: split -> number of pictures that could not be read.
      ground: ground on which transparency was laid, None if the source has none. Descriptions of
        earlier versions name none, and it was black.
    """

    name: str
    stored_size: int
    channels: int
    class_names: tuple[str, ...]
    labels: dict[str, np.ndarray]
    crc32: dict[str, np.ndarray]
    statistics: tuple[np.ndarray, np.ndarray, np.ndarray]
    plan: str
    left_out: dict[str, int]
    ground: Ground | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image."""
        return (self.stored_size, self.stored_size, self.channels)

    def count(self, split: str) -> int:
        """Return the number of images in a split."""
        return len(self.labels[split])

    def sha256(self) -> str:
        """Compute the SHA-256 of classes, labels and checksums, the same for both forms."""
        digest = hashlib.sha256(json.dumps([self.class_names, self.shape]).encode())
        for split in SPLITS:
            digest.update(np.ascontiguousarray(self.labels[split], "<i4"))
            digest.update(np.ascontiguousarray(self.crc32[split], "<u4"))
        return digest.hexdigest()

    def summary(self) -> str:
        """Return one line of text: images, their shape, classes and pictures left out."""
        images = ", ".join(f"{self.count(split):,} {split}" for split in SPLITS)
        left_out = sum(self.left_out.values())
        side, bad = self.stored_size, f", {left_out} pictures left out" if left_out else ""
        return (
            f"{self.name}: {images} images of {side}x{side}x{self.channels}, "
            f"{len(self.class_names)} classes{bad}"
        )

    def save(self, directory: Path) -> None:
        """Write dataset.json, statistics.npz, and the labels and checksums of each split."""
        mean, eigenvectors, deviations = self.statistics
        np.savez(
            directory / "statistics.npz",
            mean=mean,
            eigenvectors=eigenvectors,
            deviations=deviations,
        )
        for split in SPLITS:
            np.save(directory / f"{split}_labels.npy", self.labels[split])
            np.save(directory / f"{split}_crc32.npy", self.crc32[split])
        classes = len(self.class_names)
        description = {
            "format": FORMAT,
            "name": self.name,
            "stored_size": self.stored_size,
            "channels": self.channels,
            "images": {split: self.count(split) for split in SPLITS},
            "left_out": self.left_out,
            "ground": self.ground,
            "plan": self.plan,
            "sha256": self.sha256(),
            "files": {name: _sha256(directory / name) for name in _files()},
            "class_names": list(self.class_names),
            "images_per_class": {
                split: np.bincount(self.labels[split], minlength=classes).tolist()
                for split in SPLITS
            },
        }
        text = json.dumps(description, indent=1) + "\n"
        (directory / DESCRIPTION).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Manifest:
        """Read the files that `save` wrote.

        Raises:
          InputError: a file is missing, damaged or of another format.
        """
        description = _description(directory)
        for name in _files():
            if not (directory / name).is_file():
                raise InputError(f"{directory / name} is missing; prepare the data set again")
            if _sha256(directory / name) != description["files"].get(name):
                raise InputError(f"{directory / name} is damaged: its SHA-256 differs")
        mean, eigenvectors, deviations = _statistics(
            directory / "statistics.npz", description["stored_size"], description["channels"]
        )
        arrays = {
            kind: {split: _array(directory / f"{split}_{kind}.npy", dtype) for split in SPLITS}
            for kind, dtype in (("labels", "int32"), ("crc32", "uint32"))
        }
        manifest = cls(
            name=description["name"],
            stored_size=description["stored_size"],
            channels=description["channels"],
            class_names=tuple(description["class_names"]),
            statistics=(mean, eigenvectors, deviations),
            plan=description["plan"],
            left_out=description["left_out"],
            ground=description.get("ground", "black"),
            **arrays,
        )
        if manifest.sha256() != description["sha256"]:
            raise InputError(f"{directory / DESCRIPTION} is damaged: it does not fit the files")
        return manifest


def _files() -> list[str]:
    arrays = [f"{split}_{kind}.npy" for split in SPLITS for kind in ("labels", "crc32")]
    return ["statistics.npz", *arrays]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _description(directory: Path) -> dict[str, Any]:
    """Read and check dataset.json."""
    path = directory / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{directory} holds no prepared data set (no {DESCRIPTION})") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        version = description.get("format") if isinstance(description, dict) else None
        raise InputError(f"{path} has format {version!r}; this version reads {FORMAT}")
    if not set(_KINDS) <= set(description):
        raise InputError(f"{path} lacks {', '.join(sorted(set(_KINDS) - set(description)))}")
    for name, kind in _KINDS.items():
        if type(description[name]) is not kind:  # not isinstance: True is no number here
            raise InputError(
                f"{path}: {name} must be {kind.__name__}, got {description[name]!r:.80}"
            )
    if not all(isinstance(name, str) for name in description["class_names"]):
        raise InputError(f"{path}: class_names must be text")
    if not all(type(description["left_out"].get(split)) is int for split in SPLITS):
        raise InputError(f"{path}: left_out must count pictures of {' and '.join(SPLITS)}")
    if description.get("ground") not in (None, "white", "black"):
        raise InputError(
            f"{path}: ground must be white or black, got {description['ground']!r:.80}"
        )
    if not (0 < description["stored_size"] < 2**15 and description["channels"] in (1, 3)):
        raise InputError(
            f"{path}: images of {description['stored_size']} x {description['channels']}"
        )
    return description


def _array(path: Path, dtype: str) -> np.ndarray:
    """Read a vector from an .npy file; never unpickle, nor allocate more than the file's size."""
    try:
        array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is no array: {_line(error)}") from None
    if array.ndim != 1 or array.dtype != dtype:
        raise InputError(f"{path} holds {array.dtype} {array.shape}, expected {dtype} [N]")
    return array


def _statistics(path: Path, size: int, channels: int) -> list[np.ndarray]:
    """Read mean image, eigenvectors and deviations; refuse files that claim larger arrays."""
    shapes = {
        "mean": (size, size, channels),
        "eigenvectors": (channels, channels),
        "deviations": (channels,),
    }
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = {member.filename: member.file_size for member in archive.infolist()}
        for name, shape in shapes.items():
            if claimed.get(f"{name}.npy", 0) > 4 * math.prod(shape) + _HEADER:
                raise InputError(f"{path}: {name} claims {claimed[f'{name}.npy']:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            values = [arrays[name] for name in shapes]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} holds no statistics: {_line(error)}") from None
    for array, (name, shape) in zip(values, shapes.items(), strict=True):
        if array.shape != shape or array.dtype != np.float32:
            raise InputError(f"{path}: {name} is {array.dtype} {array.shape}, not float32 {shape}")
    return values


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def check_name(name: str) -> None:
    """Raise InputError unless TFDS allows this name of a data set."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"a data set's name is lower-case letters, digits and _, from a letter on; got {name!r}"
        )
