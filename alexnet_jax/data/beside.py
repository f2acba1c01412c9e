"""What stands beside prepared images, in records and packed alike: all but their pixels."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError

FORMAT = 1
SPLITS = ("train", "test")
DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class Beside:
    """A prepared data set without its pixels.

    Attributes:
      name: as on the command line.
      stored_size, channels: images are [stored_size, stored_size, channels] uint8.
      class_names: in label order.
      labels: of each split, [N] int32.
      crc32: of each split, [N] uint32, of each image's bytes.
      statistics: of the training split, as `pixel_statistics`.
      plan: SHA-256 of what was to be prepared and how.
      left_out: of each split, the number of pictures that could not be read.
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

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image."""
        return (self.stored_size, self.stored_size, self.channels)

    def count(self, split: str) -> int:
        return len(self.labels[split])

    def sha256(self) -> str:
        """Over classes, labels and the images' checksums: the same for both forms of the data."""
        digest = hashlib.sha256(json.dumps([self.class_names, self.shape]).encode())
        for split in SPLITS:
            digest.update(np.ascontiguousarray(self.labels[split], "<i4"))
            digest.update(np.ascontiguousarray(self.crc32[split], "<u4"))
        return digest.hexdigest()

    def summary(self) -> str:
        """One line for people."""
        images = ", ".join(f"{self.count(split):,} {split}" for split in SPLITS)
        left_out = sum(self.left_out.values())
        side, bad = self.stored_size, f", {left_out} pictures left out" if left_out else ""
        return (
            f"{self.name}: {images} images of {side}x{side}x{self.channels}, "
            f"{len(self.class_names)} classes{bad}"
        )

    def save(self, directory: Path) -> None:
        """Writes dataset.json, statistics.npz and each split's labels and checksums."""
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
    def load(cls, directory: Path) -> Beside:
        """What `save` wrote. InputError where a file is missing, damaged or of another format."""
        found = _description(directory)
        for name in _files():
            if not (directory / name).is_file():
                raise InputError(f"{directory / name} is missing; prepare the data set again")
            if _sha256(directory / name) != found["files"].get(name):
                raise InputError(f"{directory / name} is damaged: its SHA-256 differs")
        with np.load(directory / "statistics.npz") as arrays:
            mean, eigenvectors, deviations = (
                arrays[name] for name in ("mean", "eigenvectors", "deviations")
            )
        each = {
            kind: {split: np.load(directory / f"{split}_{kind}.npy") for split in SPLITS}
            for kind in ("labels", "crc32")
        }
        read = cls(
            name=found["name"],
            stored_size=found["stored_size"],
            channels=found["channels"],
            class_names=tuple(found["class_names"]),
            statistics=(mean, eigenvectors, deviations),
            plan=found["plan"],
            left_out=found["left_out"],
            **each,
        )
        if read.sha256() != found["sha256"]:
            raise InputError(f"{directory / DESCRIPTION} is damaged: it does not fit the files")
        return read


def _files() -> list[str]:
    arrays = [f"{split}_{kind}.npy" for split in SPLITS for kind in ("labels", "crc32")]
    return ["statistics.npz", *arrays]


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _description(directory: Path) -> dict[str, Any]:
    path = directory / DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{directory} holds no prepared data set (no {DESCRIPTION})") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        version = found.get("format") if isinstance(found, dict) else None
        raise InputError(f"{path} has format {version!r}; this version reads {FORMAT}")
    needed = {
        "name",
        "stored_size",
        "channels",
        "class_names",
        "plan",
        "left_out",
        "files",
        "sha256",
    }
    if not needed <= set(found):
        raise InputError(f"{path} lacks {', '.join(sorted(needed - set(found)))}")
    return found


def check_name(name: str) -> None:
    """Raises InputError unless a data set may be called so, as TFDS has it."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"a data set's name is lower-case letters, digits and _, from a letter on; got {name!r}"
        )
