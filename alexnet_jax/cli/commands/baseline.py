"""Measure baselines that a network should beat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg


@dataclass(frozen=True)
class Options:
    """Measure nearest neighbours on a data set, by pixels and by colour histograms."""

    data: Positional[Annotated[str, arg(metavar="DATA")]] = "photos"
    """Name of a data set."""


def main(options: Options) -> None:
    from alexnet_jax import data
    from alexnet_jax.data import nearest_neighbour

    dataset = data.load(options.data)
    train, test = len(dataset.train), len(dataset.test)
    print(f"{dataset.name}: {train:,} training images, {test:,} test images")
    for name, accuracy in nearest_neighbour(dataset).items():
        print(f"nearest neighbour by {name:10} top1 {accuracy:.2%}")


command = partial(run, main, Options)
