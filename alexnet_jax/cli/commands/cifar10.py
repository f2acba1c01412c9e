"""Repeat the trainings of 2011 on CIFAR-10, and the paper's figure 1.

Trains the networks that came with cuda-convnet, the paper's race of ReLU against tanh, and the
same network in PyTorch; measures baselines; prints a report in Markdown. Each run has the workdir
WORKDIR/NAME/SEED. Finished runs are not repeated, and stopped ones are resumed by the same command.
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
    """Repeat the trainings of 2011 on CIFAR-10, and the paper's figure 1; print a report."""

    data: Annotated[str, option(str, "NAME")] = "cifar10"
    """Name of the data set."""
    workdir: Directory = Path("runs/cifar10")
    """Directory of the runs."""
    seeds: Annotated[int | None, option(count, "N", "three, or one of those of 140 epochs")] = None
    """Runs of each training, from seeds 0, 1, ..."""
    figure1: Picture = None
    """File for the paper's figure 1, drawn of our runs: .png, .svg or .pdf."""


def main(options: Options) -> None:
    from alexnet_jax.paper.trainings import figure1
    from alexnet_jax.paper.trainings.tables import CIFAR10

    run_table(CIFAR10, options, [(options.figure1, figure1)])


command = partial(run, main, Options)
