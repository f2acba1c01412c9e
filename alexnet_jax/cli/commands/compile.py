"""Compile for a machine that is not there, and print what the program tells.

Compiles one training step, or inference with --infer, ahead of time for a TPU (extra `tpu`, Python
3.12 or newer) or an NVIDIA GPU (extra `cuda`); nothing is run, and no such device is needed. A step
of the paper's network takes about two minutes for a TPU. Prints whether it fits in memory, what
crosses between devices, an estimate of the time by layer with its assumptions, the dearest kernels,
and what looks wrong: loops over the batch, copies of it, changes of layout, pads and float32 arrays
that are written to memory, calls of the host.

--target names a chip, and for a TPU the slice after a colon: v5e:2x4, v6e:1x1, v5p:2x2x1, v4:2x2x1,
tpu7x:2x2x1; a100, h100, h200. Without a slice, the smallest with --devices devices is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Count, Float, Quiet, Report, Topology, arg, option, words
from alexnet_jax.cli.targets import devices_of
from alexnet_jax.cli.values import count, whole
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, preset_name, presets
from alexnet_jax.runs import Precision, TrainConfig


@dataclass(frozen=True)
class Options:
    """Compile a training step for an accelerator that is not there, and print what it tells."""

    target: Annotated[str, arg(metavar="CHIP[:SLICE]")] = "v5e"
    """Chip and slice: v5e, v6e, v5p, v4, tpu7x, a100, h100, h200."""
    topology: Topology = "one_device"
    """Distribution of the network over devices."""
    devices: Annotated[int | None, option(count, "N", "all of the slice, 2 GPUs")] = None
    """Number of devices; one_device takes 1, two_towers 2."""
    preset: str = "paper"
    """Preset of the network."""
    batch: Count = 128
    """Images per step, over all devices."""
    classes: Annotated[int | None, option(whole, "N", "as in PRESET")] = None
    """Number of classes."""
    stored: Annotated[int | None, option(count, "N", "256, or the input + 4")] = None
    """Side of the stored images, from which training takes crops."""
    dtype: Float = "float32"
    """Type of the computation."""
    precision: Annotated[Precision, words(Precision)] = "default"
    """Products of float32 numbers on TPUs and GPUs: rounded as is usual there, or exact."""
    infer: bool = False
    """Compile inference instead of a training step."""
    json: Report = None
    """File for the report."""
    hlo: Report = None
    """File for the text of the compiled program."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    network = presets.architecture(preset_name(options.preset), classes=options.classes)
    stored = _stored(options, network)
    config = TrainConfig(
        name="compile",
        data="none",
        steps=1,
        preset=options.preset,
        batch=options.batch,
        dtype=options.dtype,
        precision=options.precision,
        topology=options.topology,
    )

    target, devices = devices_of(options.target, options.topology, options.devices)

    from alexnet_jax.compiling import (
        DoesNotFit,
        compile_programs,
        format_report,
        make_report,
        unfit_json,
    )
    from alexnet_jax.display import waiting
    from alexnet_jax.parallel import topology

    spread = topology(config.topology, network, devices)
    spread.check_batch(config.batch)
    mode: Literal["train", "infer"] = "infer" if options.infer else "train"
    try:
        with waiting(f"compiling for {target.name}"):
            programs = compile_programs(network, config, spread, mode, stored)
    except DoesNotFit as error:
        value = unfit_json(target, spread, config, mode, str(error))
        text = f"{options.preset} on {target.name}: {error}"
    else:
        if options.hlo is not None:
            options.hlo.write_text(programs[0].text)
        report, *plain = (
            make_report(one, target, network, config, spread, mode)
            for one in programs
            if one is not None
        )
        value = report.to_json() | {"plain": plain[0].to_json() if plain else None}
        text = format_report(report, *plain)
    if options.json is not None:
        options.json.write_text(json.dumps(value, indent=1) + "\n")
    print(text)


def _stored(options: Options, network: Architecture) -> int:
    """Return the side of the stored images, at least that of the network's input."""
    from alexnet_jax.bench import stored_size

    side = network.longer_side
    if options.stored is not None and options.stored < side:
        raise InputError(f"--stored must be at least the input's {side}, got {options.stored}")
    return options.stored or stored_size(network)


command = partial(run, main, Options)
