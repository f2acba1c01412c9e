"""Sources of pictures: lists of pictures with labels, each picture read on its own."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np

from alexnet_jax.data.decoding_memory import Limits
from alexnet_jax.data.images import read_stored
from alexnet_jax.data.plain import Ground
from alexnet_jax.errors import InputError

LIMITS = Limits(pixels=100_000_000, bytes=1_000_000_000)  # of one picture
_SEED = 2012  # of the random split


class Pictures(Protocol):
    """Pictures of one split; sent to the processes that read, so it stores names, not pixels.

    Attributes:
      labels: [N] int32.
    """

    @property
    def labels(self) -> np.ndarray: ...

    def name(self, number: int) -> str:
        """Return the name of a picture."""
        ...

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        """Read a picture, [size, size, channels] uint8; InputError names one that is broken."""
        ...


@dataclass(frozen=True)
class Source:
    """Pictures to be prepared as a data set.

    Attributes:
      name: name of the data set.
      size, channels: side and channels of the stored images.
      class_names: names in label order.
      splits: pictures of "train" and "test".
      about: all else that decides the result, for JSON.
      ground: ground on which transparency is laid; None if the pictures have none.
    """

    name: str
    size: int
    channels: int
    class_names: tuple[str, ...]
    splits: dict[str, Pictures]
    about: dict[str, Any] = field(default_factory=dict)
    ground: Ground | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels not in (1, 3):
            raise InputError(
                f"images need a side of at least 1 and 1 or 3 channels, got {self.size} and "
                f"{self.channels}"
            )
        if len(set(self.class_names)) < len(self.class_names) or len(self.class_names) < 2:
            raise InputError(f"{self.name}: two classes or more with different names are needed")
        for split, pictures in self.splits.items():
            if len(pictures.labels) == 0:
                raise InputError(f"{self.name}: the {split} split has no pictures")

    def plan(self) -> str:
        """Return the SHA-256 of all that decides the result except the pictures' own bytes."""
        settings: dict[str, Any] = {
            "name": self.name,
            "size": self.size,
            "channels": self.channels,
            "class_names": self.class_names,
            "about": self.about,
        }
        if self.ground == "white":  # plans of earlier versions, all on black, name no ground
            settings["ground"] = self.ground
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for split, pictures in sorted(self.splits.items()):
            digest.update(f"\n{split}\n".encode())
            digest.update(np.ascontiguousarray(pictures.labels, "<i4"))
            for number in range(len(pictures.labels)):
                digest.update(f"{pictures.name(number)}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()


def decode(
    data: bytes | IO[bytes], name: str, size: int, channels: int, ground: Ground = "white"
) -> np.ndarray:
    """Decode a picture file, its bytes or open, by `read_stored` with `reduced`."""
    return read_stored(
        name,
        size=size,
        channels=channels,
        file=io.BytesIO(data) if isinstance(data, bytes) else data,
        ground=ground,
        limits=LIMITS,
        reduced=True,
    )


def stratified(
    labels: np.ndarray, fraction: float, class_names: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into those to train on and those to test on, each ascending.

    Each class gives round(fraction n) of its n pictures to the test, but at least one and never
    all.

    Raises:
      InputError: a class has fewer than two pictures; `fraction` is not in (0, 1).
    """
    if not 0 < fraction < 1:
        raise InputError(f"the share of test pictures must lie in (0, 1), got {fraction}")
    generator = np.random.Generator(np.random.Philox(_SEED))
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) < 2:
            name = class_names[label] if class_names else label
            raise InputError(
                f"class {name} has a single picture, which cannot serve training and testing; "
                "add pictures, or a test folder"
            )
        count = min(max(1, round(fraction * len(own))), len(own) - 1)
        test[generator.permutation(own)[:count]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)
