"""Miniatures of ImageNet's two archives of 2012, in the real format and with its oddities."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alexnet_jax.data.sources.ilsvrc import TRAIN, VALIDATION, class_names, validation_labels
from alexnet_jax.data.sources.photos import PHOTOGRAPHS, photographs
from alexnet_jax.display import LONG, Progress
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

ODD = ("cmyk", "png", "truncated", "grey")  # kinds that occur among the real files


def miniature(directory: Path, *, classes: int = 3, train: int = 12, validation: int = 4) -> None:
    """Write the two archives: crops of one photograph for each class, as JPEG files.

    The classes are the first synsets, and each validation picture has a number whose real label is
    its class. The first four training pictures of the first class are a CMYK JPEG, a PNG with the
    suffix .JPEG, a truncated JPEG and a grey JPEG. Equal arguments give equal files.

    Args:
      directory: directory of the archives; created if needed.
      classes: number of classes, 2 to 16.
      train, validation: pictures of each class; at least 5 for train, 1 to 50 for validation.

    Raises:
      InputError: a number is out of range, or an archive exists already.
    """
    if not 2 <= classes <= len(PHOTOGRAPHS) or train < len(ODD) + 1 or not 1 <= validation <= 50:
        raise InputError(
            f"2 to {len(PHOTOGRAPHS)} classes, {len(ODD) + 1} or more training and 1 to 50 "
            f"validation pictures of each; got {classes}, {train}, {validation}"
        )
    for name in (TRAIN, VALIDATION):
        if (directory / name).exists():
            raise InputError(f"{directory / name} is there already")
    directory.mkdir(parents=True, exist_ok=True)
    generator = np.random.Generator(np.random.Philox(2012))
    pictures = list(photographs())[:classes]
    progress = Progress("writing", classes * (train + validation), unit="pictures", after=LONG)
    with tarfile.open(directory / TRAIN, "w", format=tarfile.GNU_FORMAT) as outer:
        for label, picture in enumerate(pictures):
            synset, inner_file = class_names()[label], io.BytesIO()
            with tarfile.open(fileobj=inner_file, mode="w", format=tarfile.GNU_FORMAT) as inner:
                for number in range(train):
                    kind = ODD[number] if label == 0 and number < len(ODD) else "jpeg"
                    data = encoded(crop(picture, generator), kind)
                    _add(inner, f"{synset}_{17 * number + 3}.JPEG", data)
                    progress.advance(1)
            _add(outer, f"{synset}.tar", inner_file.getvalue())
    labels = validation_labels()
    with tarfile.open(directory / VALIDATION, "w", format=tarfile.GNU_FORMAT) as archive:
        numbers = [np.flatnonzero(labels == label)[:validation] for label in range(classes)]
        for row in np.sort(np.concatenate(numbers)).tolist():
            data = encoded(crop(pictures[labels[row]], generator), "jpeg")
            _add(archive, f"ILSVRC2012_val_{row + 1:08d}.JPEG", data)
            progress.advance(1)
    progress.finish()


def crop(picture: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Return a part of a picture at a random position, with a half to all of each side."""
    width, height = (round(side * generator.uniform(0.5, 1)) for side in picture.size)
    left = int(generator.integers(0, picture.size[0] - width + 1))
    top = int(generator.integers(0, picture.size[1] - height + 1))
    return picture.crop((left, top, left + width, top + height))


def encoded(picture: Image.Image, kind: str) -> bytes:
    """Encode a picture as a file's bytes; `kind` is "jpeg" or one of `ODD`."""
    file = io.BytesIO()
    match kind:
        case "png":
            picture.save(file, "PNG")
        case "cmyk":
            picture.convert("CMYK").save(file, "JPEG", quality=90)
        case "grey":
            picture.convert("L").save(file, "JPEG", quality=90)
        case _:
            picture.save(file, "JPEG", quality=90)
    data = file.getvalue()
    return data[: len(data) // 2] if kind == "truncated" else data


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
