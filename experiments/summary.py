"""Print a network's table of layers: python experiments/summary.py [PRESET]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from alexnet_jax import cli
from alexnet_jax.presets import architecture, list_presets
from alexnet_jax.summary import summary


@dataclass(frozen=True)
class Options:
    """Shapes, parameters and operations of every layer of a preset."""

    preset: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="PRESET")]] = "paper"
    """One of the presets; --list names them."""
    image_size: Annotated[str, tyro.conf.arg(metavar="N")] = "the preset's"
    """Side of the input images."""
    channels: Annotated[str, tyro.conf.arg(metavar="N")] = "the preset's"
    """Channels of the input images."""
    classes: Annotated[str, tyro.conf.arg(metavar="N")] = "the preset's"
    """Number of classes."""
    list: bool = False
    """Name the presets instead."""


def main(options: Options) -> None:
    if options.list:
        print("\n".join(list_presets()))
        return
    network = architecture(
        options.preset,
        image_size=_given("--image-size", options.image_size),
        channels=_given("--channels", options.channels),
        classes=_given("--classes", options.classes),
    )
    print(summary(network))


def _given(name: str, text: str) -> int | None:
    return None if text == "the preset's" else cli.whole_number(name, text)


if __name__ == "__main__":
    cli.run(main, Options)
