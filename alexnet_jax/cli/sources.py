"""Options of the sources of data that `prepare` takes, and the sources that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from alexnet_jax.cli.options import (
    Directory,
    Fraction,
    Ground,
    Name,
    Positional,
    Quiet,
    Whole,
    Workers,
    option,
    subcommand,
    words,
)
from alexnet_jax.cli.values import directory, number
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.data.sources import Source


def listed(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(text.split(","))


def existing(text: str) -> Path:
    """Return the path of a file or directory."""
    if not text:
        raise InputError("is empty; give a file or directory")
    return Path(text)


Archive = Annotated[Path, option(existing, "FILE|DIR")]
LabelsName = Literal["fine", "coarse"]


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Options of every source and of pack."""

    data_dir: Directory
    """Directory of the prepared data sets."""
    workers: Workers = None
    """Number of processes."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


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
class TinyImagenet(Pictures):
    """Prepare Tiny ImageNet as it is distributed, train and val; its test has no labels."""

    images: Directory
    """Directory tiny-imagenet-200, or one that contains it."""
    name: Name = "tiny_imagenet"
    """Name of the prepared data set."""
    size: Whole = 64
    """Side of the stored images."""


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
class Cifar10(Preparation):
    """Prepare CIFAR-10 from cifar-10-python.tar.gz or cifar-10-binary.tar.gz."""

    archive: Archive
    """The archive as it is or unpacked, or a directory that contains it."""
    name: Name = "cifar10"
    """Name of the prepared data set."""


@dataclass(frozen=True, kw_only=True)
class Cifar100(Preparation):
    """Prepare CIFAR-100 from cifar-100-python.tar.gz or cifar-100-binary.tar.gz."""

    archive: Archive
    """The archive as it is or unpacked, or a directory that contains it."""
    name: Name = "cifar100"
    """Name of the prepared data set."""
    labels: Annotated[LabelsName, words(LabelsName)] = "fine"
    """The 100 classes, or the 20 that join five of these each."""


Sources = (
    Imagenet
    | Annotated[TinyImagenet, subcommand("tiny_imagenet")]
    | Folder
    | Tfds
    | Idx
    | Cifar10
    | Cifar100
)


def source_of(options: Sources) -> Source:
    """Return the source that a command line names; raise InputError if it cannot be used."""
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
        case TinyImagenet():
            from alexnet_jax.data.sources import tiny_imagenet

            return tiny_imagenet(
                options.images, options.name, size=options.size, ground=options.ground
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
        case Cifar10():
            from alexnet_jax.data.sources import cifar10

            return cifar10(options.archive, options.name)
        case Cifar100():
            from alexnet_jax.data.sources import cifar100

            return cifar100(options.archive, options.name, labels=options.labels)
