"""Count the values sent between devices.

Compiles one training step and reads the program. No array is created, and on a CPU the devices need
not exist. Each line of the table shows the values that one layer sends in one direction:

values/image  values that each device of a group sends to the others, per image of the batch (with
              g devices: (g-1)/g of the output of an all-gather or the input of a reduce-scatter,
              2(g-1)/g of the sum of an all-reduce); with two towers, the values sent by each tower
bytes/step    bytes that all devices together send for the whole batch
figure 2      the same two numbers, as implied by the paper's figure for two towers

On a CPU, a program that computes in bfloat16 still sends float32, as the column of types shows.
--target compiles for a TPU or GPU that is not there, as `compile` does.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Float, Picture, Quiet, Report, Topology, Whole, option
from alexnet_jax.cli.targets import devices_of
from alexnet_jax.cli.values import whole
from alexnet_jax.errors import InputError
from alexnet_jax.network import preset_name, presets
from alexnet_jax.runs import TrainConfig


@dataclass(frozen=True)
class Options:
    """Print the values sent between devices in one training step, from the compiled program."""

    topology: Topology = "two_towers"
    """Distribution of the network over devices."""
    devices: Annotated[
        int | None, option(partial(whole, low=1, high=1024), "N", "all there are, 2 on a CPU")
    ] = None
    """Number of devices; on a CPU, any."""
    target: Annotated[str | None, option(str, "CHIP[:SLICE]", "this machine")] = None
    """Accelerator to compile for, as in `compile`: v5e:2x4, h100."""
    preset: str = "paper"
    """Preset of the network."""
    batch: Whole = 128
    """Images per step, over all devices."""
    classes: Annotated[int | None, option(whole, "N", "as in PRESET")] = None
    """Number of classes."""
    dtype: Float = "float32"
    """Type of the computation."""
    json: Report = None
    """File for the crossings as a list of objects."""
    picture: Picture = None
    """File for a drawing of the network and its crossings: .png, .svg or .pdf."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    network = presets.architecture(preset_name(options.preset), classes=options.classes)
    config = TrainConfig(
        name="communication",
        data="none",
        steps=1,
        preset=options.preset,
        batch=options.batch,
        dtype=options.dtype,
        topology=options.topology,
    )
    if options.target is None:
        devices = _devices(options.devices)
        machine = devices[0].platform
    else:
        target, devices = devices_of(options.target, options.topology, options.devices)
        machine = target.name

    from alexnet_jax.display import waiting
    from alexnet_jax.parallel import topology
    from alexnet_jax.planning import column_names, crossings, format_communication, layer_parts

    spread = topology(config.topology, network, devices)
    spread.check_batch(config.batch)
    if options.picture is not None and spread.mesh.size == 1:
        raise InputError(f"--picture shows two devices, but {spread.name} has one")
    with waiting("compiling a training step"):
        sent = crossings(network, config, spread)
    if options.json is not None:
        options.json.write_text(
            json.dumps([crossing.to_json() for crossing in sent], indent=1) + "\n"
        )
    count = spread.mesh.size
    devices_text = "1 device" if count == 1 else f"{count} devices"
    title = (
        f"{network.name}, {spread.name} over {devices_text} "
        f"({machine}): one training step of {config.batch} images in {config.dtype}"
    )
    if options.picture is not None:
        from alexnet_jax.planning import network_picture

        parts = layer_parts(spread, network)
        columns = column_names(spread)
        figure = network_picture(network, parts, sent, config.batch, columns, title)
        figure.savefig(options.picture, dpi=160)
    print(f"{title}\n\n{format_communication(sent, network, config)}")


def _devices(count: int | None) -> list[Any]:
    """Return the first `count` devices of this machine, or all; on a CPU, create them."""
    import jax

    if count is not None or jax.config.jax_num_cpu_devices < 1:
        # jax accepts this only before it looks for devices; accelerators are not affected.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", count or 2)
    devices = jax.devices()
    if count is not None and count > len(devices):
        raise InputError(f"--devices {count}, but there are {len(devices)} ({devices[0].platform})")
    return devices[:count]


command = partial(run, main, Options)
