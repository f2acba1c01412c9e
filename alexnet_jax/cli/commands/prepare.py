"""Prepare data sets for training.

SOURCE is imagenet, tiny_imagenet, cifar10, cifar100, folder, tfds or idx; pack and verify process
prepared data sets. A preparation that was stopped is resumed by the same command; a complete one is
not repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Directory, Name, Positional, Quiet, Whole
from alexnet_jax.cli.sources import Pictures, Preparation, Sources, source_of
from alexnet_jax.errors import InputError


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
    quiet: Quiet = False
    """Print nothing but results and errors."""


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
    quiet: Quiet = False
    """Print nothing but results and errors."""


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
        for archive in sorted(options.archives.glob("ILSVRC2012_img_*.tar")):
            print(f"{archive}, {archive.stat().st_size:,} bytes")
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
    prepare(source_of(options), data_dir, workers=workers, max_bad_fraction=bad)


command = partial(run, main, Options)
