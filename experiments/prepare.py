"""Data sets for training: python experiments/prepare.py SOURCE ... --data-dir DIR

SOURCE is imagenet, folder, tfds or idx; pack and verify work on what they made. A preparation
that was stopped goes on when it is started again; a finished one is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Directory, Fraction, Name, Positional, Whole, Workers, option
from alexnet_jax.cli.values import directory, number
from alexnet_jax.errors import InputError


def listed(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(text.split(","))


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What every command takes."""

    data_dir: Directory
    """Directory of the prepared data sets."""
    workers: Workers = None
    """Processes at work."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Preparation):
    """What every source of pictures takes."""

    size: Whole = 256
    """Side of the stored images: the short side is resized to it and the centre square kept."""
    max_bad_fraction: Fraction = 0.001
    """Share of pictures that cannot be read above which the work stops."""


@dataclass(frozen=True, kw_only=True)
class Imagenet(Pictures):
    """ImageNet 2012 from ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, read in place."""

    archives: Directory
    """Directory with the two archives; on a disk with short seeks, pictures are read at random."""
    name: Name = "imagenet2012"
    """What the data set will be called."""
    subset: bool = False
    """Accept archives with fewer pictures than those that are distributed."""


@dataclass(frozen=True, kw_only=True)
class Folder(Pictures):
    """Pictures of your own: IMAGES/train/CLASS/*.jpg, and IMAGES/test/CLASS/*.jpg if there are."""

    images: Directory
    """Directory with the folders train and test."""
    name: Name
    """What the data set will be called."""
    grey: bool = False
    """Store one channel instead of three."""
    test_fraction: Annotated[float, option(number, "X")] = 0.1
    """Share of each class that tests, where there is no folder test."""


@dataclass(frozen=True, kw_only=True)
class Tfds(Pictures):
    """An image-classification set of TensorFlow Datasets that lies prepared as array_record."""

    dataset: Positional[Name]
    """As TFDS knows it, such as cifar10."""
    source_dir: Annotated[Path | None, option(directory, "DIR", "where TFDS keeps its own")] = None
    """Directory of TFDS's prepared sets."""
    name: Annotated[str | None, option(str, "NAME", "NAME_SIZE")] = None
    """What the result will be called."""
    test_fraction: Annotated[float, option(number, "X")] = 0.1
    """Share of each class that tests, where there is no split test or validation."""


@dataclass(frozen=True, kw_only=True)
class Idx(Preparation):
    """The idx files of MNIST and its successors, as they are."""

    files: Directory
    """Directory with train-images-idx3-ubyte.gz and the three others."""
    name: Name
    """What the data set will be called."""
    pad: Whole = 2
    """Black pixels added on every side, which random crops take away again."""
    class_names: Annotated[tuple[str, ...] | None, option(listed, "A,B,...", "numbers")] = None
    """Names of the classes in label order."""


@dataclass(frozen=True, kw_only=True)
class Miniature:
    """Write ImageNet's two archives in small, made of sample photographs, to try things with."""

    archives: Directory
    """Directory for the two archives."""
    classes: Whole = 3
    """Classes, up to 16."""
    train: Whole = 12
    """Training pictures of each class."""
    validation: Whole = 4
    """Validation pictures of each class."""


@dataclass(frozen=True, kw_only=True)
class Pack(Preparation):
    """The packed form of a prepared data set, several times as fast to read."""

    name: Positional[Name]
    """A prepared data set."""


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Read every image of a prepared data set against its checksum."""

    name: Positional[Name]
    """A prepared data set."""
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

            return ilsvrc(options.archives, options.name, size=options.size, subset=options.subset)
        case Folder():
            from alexnet_jax.data.sources import folder

            return folder(
                options.images,
                options.name,
                size=options.size,
                channels=1 if options.grey else 3,
                test_fraction=options.test_fraction,
            )
        case Tfds():
            from alexnet_jax.data.sources import tfds_source

            return tfds_source(
                options.dataset,
                source_dir=None if options.source_dir is None else str(options.source_dir),
                name=options.name,
                size=options.size,
                test_fraction=options.test_fraction,
            )
        case Idx():
            from alexnet_jax.data.sources import idx

            names = options.class_names or ()
            return idx(options.files, options.name, pad=options.pad, class_names=names)


if __name__ == "__main__":
    run(main, Options)
