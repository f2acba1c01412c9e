"""Measure baselines that a network should beat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg, option


@dataclass(frozen=True)
class Options:
    """Measure nearest neighbours on a data set, by pixels and by colour histograms."""

    data: Positional[Annotated[str, arg(metavar="DATA")]] = "photos"
    """Name of a data set."""
    data_dir: Annotated[str | None, option(str, "DIR", "none")] = None
    """Directory of prepared data sets, for the name of one of these."""


def main(options: Options) -> None:
    from alexnet_jax import data
    from alexnet_jax.data import nearest_neighbour

    dataset = data.load(options.data, options.data_dir or "")
    train, test = len(dataset.train), len(dataset.test)
    print(f"{dataset.name}: {train:,} training images, {test:,} test images")
    for name, accuracy in nearest_neighbour(dataset).items():
        print(f"nearest neighbour by {name:10} top1 {accuracy:.2%}")


command = partial(run, main, Options)
