"""Print a network's table of layers: python experiments/summary.py [PRESET]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg
from alexnet_jax.cli.values import whole_number
from alexnet_jax.network import architecture, list_presets, summary


@dataclass(frozen=True)
class Options:
    """Shapes, parameters and operations of every layer of a preset."""

    preset: Positional[Annotated[str, arg(metavar="PRESET")]] = "paper"
    """One of the presets; --list names them."""
    image_size: Annotated[str, arg(metavar="N")] = "the preset's"
    """Side of the input images."""
    channels: Annotated[str, arg(metavar="N")] = "the preset's"
    """Channels of the input images."""
    classes: Annotated[str, arg(metavar="N")] = "the preset's"
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
    return None if text == "the preset's" else whole_number(name, text)


if __name__ == "__main__":
    run(main, Options)
