"""What crosses between devices in one training step: python experiments/communication.py [options]

Compiles the step and reads the program; no array is made, and on a CPU no device is needed that
is not there. A line of the table holds what one layer sends in one direction:

values/image  values that each device of a group sends to the others, for every image of the batch
              (with g devices: (g-1)/g of what an all-gather makes or a reduce-scatter takes,
              2(g-1)/g of what an all-reduce sums); with two towers, what comes from each tower
bytes/step    sent by all devices together for the whole batch
figure 2      the same two, as the paper's figure implies them for two towers

A program that computes in bfloat16 still carries float32 between the devices of a CPU, as the
column of types says.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Float, Picture, Report, Topology, Whole, option
from alexnet_jax.cli.values import whole
from alexnet_jax.errors import InputError
from alexnet_jax.network import presets
from alexnet_jax.runs import TrainConfig


@dataclass(frozen=True)
class Options:
    """Print what crosses between devices in one training step, from the compiled program."""

    topology: Topology = "two_towers"
    """How the network is spread over devices."""
    devices: Annotated[
        int | None, option(partial(whole, low=1, high=1024), "N", "all there are, 2 on a CPU")
    ] = None
    """Number of devices; on a CPU, any."""
    preset: str = "paper"
    """The network."""
    batch: Whole = 128
    """Images of a step, over all devices."""
    classes: Annotated[int | None, option(whole, "N", "as in PRESET")] = None
    """Number of classes."""
    dtype: Float = "float32"
    """What the network computes in."""
    json: Report = None
    """File for the crossings as a list of objects."""
    picture: Picture = None
    """File for a drawing of the network and its crossings: .png, .svg or .pdf."""


def main(options: Options) -> None:
    network = presets.architecture(options.preset, classes=options.classes)
    config = TrainConfig(
        name="communication",
        data="none",
        steps=1,
        preset=options.preset,
        batch=options.batch,
        dtype=options.dtype,
        topology=options.topology,
    )
    devices = _devices(options.devices)

    from alexnet_jax.parallel import topology
    from alexnet_jax.planning import column_names, crossings, format_communication, layer_parts

    place = topology(config.topology, network, devices)
    place.check_batch(config.batch)
    if options.picture is not None and place.mesh.size == 1:
        raise InputError(f"--picture shows two devices, but {place.name} has one")
    found = crossings(network, config, place)
    if options.json is not None:
        options.json.write_text(
            json.dumps([crossing.to_json() for crossing in found], indent=1) + "\n"
        )
    count = place.mesh.size
    title = (
        f"{network.name}, {place.name} over {count} device{'s' * (count > 1)} "
        f"({devices[0].platform}): one training step of {config.batch} images in {config.dtype}"
    )
    if options.picture is not None:
        from alexnet_jax.planning import network_picture

        parts = layer_parts(place, network)
        columns = column_names(place)
        figure = network_picture(network, parts, found, config.batch, columns, title)
        figure.savefig(options.picture, dpi=160)
    print(f"{title}\n\n{format_communication(found, network, config)}")


def _devices(asked: int | None) -> list[Any]:
    """The first devices of this machine, as many as asked for; on a CPU they are made."""
    import jax

    if asked is not None or jax.config.jax_num_cpu_devices < 1:
        # Before jax looks for devices, unless it has; accelerators are not concerned.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", asked or 2)
    there = jax.devices()
    if asked is not None and asked > len(there):
        raise InputError(f"--devices {asked}, but there are {len(there)} ({there[0].platform})")
    return there[:asked]


if __name__ == "__main__":
    run(main, Options)
