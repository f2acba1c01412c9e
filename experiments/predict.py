"""Classify pictures with a trained network: python experiments/predict.py WORKDIR IMAGE..."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from alexnet_jax import cli


@dataclass(frozen=True)
class Options(cli.SeveralProcesses):
    """The five likeliest classes of each picture, with their probabilities."""

    workdir: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="WORKDIR")]]
    """Directory of a training run."""
    images: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="IMAGE...")]]
    """Files of pictures of any kind."""
    json: bool = False
    """Print JSON instead of text."""
    views: int = 1
    """1: the centre crop; 10: corners, centre and their mirror images, averaged, as in 2012."""
    checkpoint: Annotated[str, tyro.conf.arg(metavar="best|latest|N")] = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""
    topology: str = "one_device"
    """How the network is spread over devices: one_device, two_towers, data, data_towers, hybrid."""


def main(options: Options) -> None:
    from alexnet_jax.compile_cache import keep_compiled
    from alexnet_jax.errors import InputError
    from alexnet_jax.inference import load_trained
    from alexnet_jax.processes import is_first

    if not options.images:
        raise InputError("give at least one picture to classify")
    options.join()
    keep_compiled()
    trained = load_trained(
        options.workdir, checkpoint=options.checkpoint, topology_name=options.topology
    )
    probabilities = trained.probabilities(trained.read(options.images), options.views)
    if not is_first():
        return
    found: list[dict[str, Any]] = []
    for image, row in zip(options.images, probabilities, strict=True):
        order = row.argsort(kind="stable")[::-1][:5]
        predictions = [
            {
                "index": int(index),
                "class": trained.class_names[index],
                "probability": float(row[index]),
            }
            for index in order
        ]
        found.append({"image": image, "predictions": predictions})
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for entry in found:
        print(entry["image"])
        for place in entry["predictions"]:
            print(f"  {place['probability']:7.2%}  {place['class']}")


if __name__ == "__main__":
    cli.run(main, Options)
