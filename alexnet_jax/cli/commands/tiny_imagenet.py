"""Train a small AlexNet on Tiny ImageNet, and without some of its parts.

Trains the network, and shorter ones without normalization, without dropout and with one tower, from
several seeds; measures baselines; compares the colour of the two towers' first kernels; prints a
report in Markdown. Each run has the workdir WORKDIR/NAME/SEED. Finished runs are not repeated, and
stopped ones are resumed by the same command.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Directory, Picture, option
from alexnet_jax.cli.trainings import TableOptions, run_table
from alexnet_jax.cli.values import count


@dataclass(frozen=True)
class Options(TableOptions):
    """Train a small AlexNet on Tiny ImageNet, and without some of its parts; print a report."""

    data: Annotated[str, option(str, "NAME")] = "tiny_imagenet"
    """Name of the data set."""
    workdir: Directory = Path("runs/tiny_imagenet")
    """Directory of the runs."""
    seeds: Annotated[int | None, option(count, "N", "one, five or three")] = None
    """Runs of each training, from seeds 0, 1, ..."""
    colour: Picture = None
    """File for a picture of the colour of both towers' kernels: .png, .svg or .pdf."""


def main(options: Options) -> None:
    from alexnet_jax.paper.trainings import kernel_colours
    from alexnet_jax.paper.trainings.tables import TINY_IMAGENET

    run_table(TINY_IMAGENET, options, [(options.colour, kernel_colours)])


command = partial(run, main, Options)
