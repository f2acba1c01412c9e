"""Prepare data sets for training.

SOURCE is imagenet, folder, tfds or idx; pack and verify process prepared data sets. A preparation
that was stopped is resumed by the same command; a complete one is not repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Directory,
    Fraction,
    Ground,
    Name,
    Positional,
    Whole,
    Workers,
    option,
)
from alexnet_jax.cli.values import directory, number
from alexnet_jax.errors import InputError


def listed(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(text.split(","))


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Options of every source and of pack."""

    data_dir: Directory
    """Directory of the prepared data sets."""
    workers: Workers = None
    """Number of processes."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Preparation):
    """Options of every source of pictures."""

    size: Whole = 256
    """Side of the stored images; the short side is resized to it and the centre square kept."""
    max_bad_fraction: Fraction = 0.001
    """Largest share of pictures that may be unreadable."""
    ground: Ground = "white"
    """Ground on which transparency is laid."""


@dataclass(frozen=True, kw_only=True)
class Imagenet(Pictures):
    """Prepare ImageNet 2012 from ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar."""

    archives: Directory
    """Directory of the two archives, on a disk with short seeks: the read order is random."""
    name: Name = "imagenet2012"
    """Name of the prepared data set."""
    subset: bool = False
    """Accept archives with fewer pictures than the distributed ones."""


@dataclass(frozen=True, kw_only=True)
class Folder(Pictures):
    """Prepare your own pictures: IMAGES/train/CLASS/*.jpg and, if any, IMAGES/test/CLASS/*.jpg."""

    images: Directory
    """Directory with the folders train and, optionally, test or val; or of class folders."""
    name: Name
    """Name of the prepared data set."""
    grey: bool = False
    """Store one channel instead of three."""
    test_fraction: Annotated[float, option(number, "X")] = 0.1
    """Share of each class for testing if there is no folder test or val."""


@dataclass(frozen=True, kw_only=True)
class Tfds(Pictures):
    """Prepare an image-classification set that TensorFlow Datasets has stored as array_record."""

    dataset: Positional[Name]
    """Name of the data set in TFDS, such as cifar10."""
    source_dir: Annotated[Path | None, option(directory, "DIR", "where TFDS keeps its own")] = None
    """Directory of TFDS's prepared sets."""
    name: Annotated[str | None, option(str, "NAME", "NAME_SIZE")] = None
    """Name of the prepared data set."""
    test_fraction: Annotated[float, option(number, "X")] = 0.1
    """Share of each class for testing if there is no split test or validation."""
    download: bool = False
    """Let TFDS download and prepare the set if it is not there."""


@dataclass(frozen=True, kw_only=True)
class Idx(Preparation):
    """Prepare the idx files of MNIST and its successors."""

    files: Directory
    """Directory with train-images-idx3-ubyte.gz and the three others."""
    name: Name
    """Name of the prepared data set."""
    pad: Whole = 2
    """Black pixels added on every side, for random crops."""
    class_names: Annotated[tuple[str, ...] | None, option(listed, "A,B,...", "numbers")] = None
    """Names of the classes in label order."""


@dataclass(frozen=True, kw_only=True)
class Miniature:
    """Write small versions of ImageNet's two archives from sample photographs, for trials."""

    archives: Directory
    """Directory for the two archives."""
    classes: Whole = 3
    """Number of classes, up to 16."""
    train: Whole = 12
    """Number of training pictures per class."""
    validation: Whole = 4
    """Number of validation pictures per class."""


@dataclass(frozen=True, kw_only=True)
class Pack(Preparation):
    """Write the packed form of a prepared data set, which is several times as fast to read."""

    name: Positional[Name]
    """Name of a prepared data set."""


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Compare every image of a prepared data set with its checksum."""

    name: Positional[Name]
    """Name of a prepared data set."""
    data_dir: Directory
    """Directory of the prepared data sets."""


Sources = Imagenet | Folder | Tfds | Idx
Options = Sources | Pack | Verify | Miniature


def main(options: Options) -> None:
    if isinstance(options, Miniature):
        from alexnet_jax.data.sources import miniature

        miniature(
            options.archives,
            classes=options.classes,
            train=options.train,
            validation=options.validation,
        )
        return
    data_dir = options.data_dir
    if data_dir.exists() and not data_dir.is_dir():
        raise InputError(f"--data-dir {data_dir} is a file; give a directory")
    if isinstance(options, Verify):
        from alexnet_jax.data import verify

        verify(options.name, data_dir)
        return
    from alexnet_jax.runtime import cores

    workers = options.workers or cores()
    if isinstance(options, Pack):
        from alexnet_jax.data.prepare import pack

        print(pack(options.name, data_dir, workers=workers))
        return
    from alexnet_jax.data.prepare import prepare

    bad = options.max_bad_fraction if isinstance(options, Pictures) else 0.0
    prepare(_source(options), data_dir, workers=workers, max_bad_fraction=bad)


def _source(options: Sources):  # type: ignore[no-untyped-def]
    match options:
        case Imagenet():
            from alexnet_jax.data.sources import ilsvrc

            return ilsvrc(
                options.archives,
                options.name,
                size=options.size,
                subset=options.subset,
                ground=options.ground,
            )
        case Folder():
            from alexnet_jax.data.sources import folder

            return folder(
                options.images,
                options.name,
                size=options.size,
                channels=1 if options.grey else 3,
                test_fraction=options.test_fraction,
                ground=options.ground,
            )
        case Tfds():
            from alexnet_jax.data.sources import tfds_source

            return tfds_source(
                options.dataset,
                source_dir=None if options.source_dir is None else str(options.source_dir),
                name=options.name,
                size=options.size,
                test_fraction=options.test_fraction,
                ground=options.ground,
                download=options.download,
            )
        case Idx():
            from alexnet_jax.data.sources import idx

            names = options.class_names or ()
            return idx(options.files, options.name, pad=options.pad, class_names=names)


command = partial(run, main, Options)
