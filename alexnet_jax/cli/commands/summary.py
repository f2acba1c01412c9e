"""Print a network's table of layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg, option
from alexnet_jax.cli.values import whole
from alexnet_jax.network import architecture, list_presets, preset_name, summary

PresetNumber = Annotated[int | None, option(whole, "N", "as in PRESET")]


@dataclass(frozen=True)
class Options:
    """Print shapes, parameters and operations of every layer of a preset."""

    preset: Positional[Annotated[str, arg(metavar="PRESET")]] = "paper"
    """Name of a preset; --list prints all."""
    image_size: PresetNumber = None
    """Side of the input images."""
    channels: PresetNumber = None
    """Channels of the input images."""
    classes: PresetNumber = None
    """Number of classes."""
    list: bool = False
    """Print the names of the presets instead."""


def main(options: Options) -> None:
    if options.list:
        print("\n".join(list_presets()))
        return
    network = architecture(
        preset_name(options.preset),
        image_size=options.image_size,
        channels=options.channels,
        classes=options.classes,
    )
    print(summary(network))


command = partial(run, main, Options)
