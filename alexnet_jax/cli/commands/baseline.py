"""Measure baselines that a network should beat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Count, Positional, Quiet, arg, option


@dataclass(frozen=True)
class Options:
    """Measure nearest neighbours and a logistic regression on a data set."""

    data: Positional[Annotated[str, arg(metavar="DATA")]] = "photos"
    """Name of a data set."""
    data_dir: Annotated[str | None, option(str, "DIR", "none")] = None
    """Directory of prepared data sets, for the name of one of these."""
    iterations: Count = 100
    """Most iterations of the logistic regression."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    from alexnet_jax import data
    from alexnet_jax.data import histograms, logistic_regression, nearest_neighbour, pixels
    from alexnet_jax.display import waiting

    dataset = data.load(options.data, options.data_dir or "")
    train, test = len(dataset.train), len(dataset.test)
    print(f"{dataset.name}: {train:,} training images, {test:,} test images")
    for name, features in (("pixels", pixels), ("histograms", histograms)):
        with waiting("comparing with all training images"):
            accuracy = nearest_neighbour(dataset, features)
        print(f"nearest neighbour by {name:10} top1 {accuracy:.2%}", flush=True)
    began = perf_counter()
    with waiting("fitting the logistic regression"):
        found = logistic_regression(dataset, options.iterations)
    words = f"{found.iterations} iterations, {perf_counter() - began:.1f} s"
    print(f"logistic regression on pixels   top1 {found.accuracy:.2%} ({words})")


command = partial(run, main, Options)
