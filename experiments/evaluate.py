"""Evaluate a trained network: python experiments/evaluate.py WORKDIR [options]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from alexnet_jax import cli
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class Options:
    """Top-1, top-5 and loss of a run's network over the test split of its data."""

    workdir: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="WORKDIR")]]
    """Directory of a training run."""
    checkpoint: Annotated[str, tyro.conf.arg(metavar="best|latest|N")] = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""
    batch: int = 128
    """Images at a time."""
    topology: str = "one_device"
    """How the network is spread over devices: one_device."""


def main(options: Options) -> None:
    if options.batch < 1:
        raise InputError(f"--batch must be at least 1, got {options.batch}")
    from alexnet_jax import data
    from alexnet_jax.evaluate import evaluate, make_counter
    from alexnet_jax.inference import load_trained

    trained = load_trained(
        options.workdir, checkpoint=options.checkpoint, topology_name=options.topology
    )
    dataset = data.load(trained.config.data)
    counter = make_counter(
        trained.architecture,
        trained.topology,
        pixel_scale=trained.pixel_scale,
        dtype=trained.config.dtype,
    )
    found = evaluate(counter, trained.params, dataset.test, trained.statistics, batch=options.batch)
    print(
        f"{options.workdir}, step {trained.step}: {dataset.name}, {len(dataset.test)} test images"
    )
    print(f"top1 {found['top1']:.2%}  top5 {found['top5']:.2%}  loss {found['loss']:.4f}")


if __name__ == "__main__":
    cli.run(main, Options)
