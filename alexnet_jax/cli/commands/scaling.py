"""Estimate training on many devices.

Prints the estimated time of a training step on 1, 2, 4, ... devices, computed from counts of
operations and bytes and from assumed rates: a simulation on paper, not a measurement. Weak scaling
gives every device --batch images; strong scaling divides --global-batch images over all devices.
The columns:

compute, exchange ms  time of operations and update, and of all collectives
MB sent               bytes that each device sends in a step, on average
calls                 collectives in a step; the sum of all gradients counts as one
apart, hidden         two bounds: nothing overlaps, or the shorter is hidden by the longer
efficiency            rate as a share of that of equally many separate devices

--measure measures the rate of computation on this machine; if it has several devices, the predicted
and the measured times of those are printed, too. --target takes these rates from a step compiled
for a TPU or GPU that is not there, as `compile` does, and its links. Counts are those of the
compiled program, as in `communication`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Count, Float, Picture, Positive, Quiet, Report, option, words
from alexnet_jax.cli.targets import devices_of
from alexnet_jax.cli.values import positive, whole
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, preset_name, presets
from alexnet_jax.runs import TrainConfig

Spread = Literal["data", "data_towers", "hybrid", "all"]
Algorithm = Literal["ring", "halving"]
FLOPS = 1e14


@dataclass(frozen=True)
class Options:
    """Print estimates of weak and strong scaling over many devices."""

    preset: str = "paper"
    """Preset of the network."""
    topology: Annotated[Spread, words(Spread)] = "all"
    """Distribution of the network over devices; all: each possible one."""
    devices: Annotated[int, option(partial(whole, low=2, high=1 << 20), "N")] = 4096
    """Largest number of devices."""
    batch: Count = 128
    """Images per step on each device, for weak scaling."""
    global_batch: Count = 4096
    """Images per step over all devices, for strong scaling."""
    dtype: Float = "float32"
    """Type of the computation."""
    flops_per_second: Positive = FLOPS
    """Counted operations per second of a device."""
    measure: bool = False
    """Measure that rate, and the rate of the update, on this machine's device."""
    target: Annotated[str | None, option(str, "CHIP", "none")] = None
    """Take the rates from a step compiled for this accelerator: v5e, h100, ... as in `compile`."""
    memory: Positive = 2000.0
    """Memory bandwidth of a device during the update of the weights, in GB/s."""
    bandwidth: Annotated[str | None, option(str, "X|LINK", "ndr400, or that of TARGET")] = None
    """Bandwidth of a device in GB/s, or a link: ethernet100, ndr400, ici_v5e, nvlink4, ici_v5p."""
    latency: Positive = 5.0
    """Minimum time of each step of a collective, in microseconds."""
    algorithm: Annotated[Algorithm, words(Algorithm)] = "ring"
    """Algorithm of the collectives."""
    json: Report = None
    """File for the rows and the assumptions."""
    picture: Picture = None
    """File for a picture of the efficiencies: .png, .svg or .pdf."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    network = presets.architecture(preset_name(options.preset))
    batches = {"weak": options.batch, "strong": options.global_batch}
    if options.measure and options.flops_per_second != FLOPS:
        raise InputError("--measure finds the operations/s itself: leave --flops-per-second out")
    if options.target is not None and (options.measure or options.flops_per_second != FLOPS):
        raise InputError(
            "--target finds the rates itself: leave out --measure and --flops-per-second"
        )
    machine, sources = _machine(options)

    from alexnet_jax.planning import DISCLAIMER, assumptions

    plan = (network, _topologies(options, network), _counts(options.devices), batches)
    itemsize = 2 if options.dtype == "bfloat16" else 4
    # Raises for impossible settings, before long work begins.
    tables = _tables(*plan, machine, itemsize)
    measured: list[Any] = []
    if options.measure or options.target is not None:
        config = TrainConfig(
            name="scaling",
            data="none",
            steps=1,
            preset=options.preset,
            batch=batches["weak"],
            dtype=options.dtype,
        )
        if options.target is not None:
            machine, source = _compiled(config, network, options.target, machine)
        else:
            machine, source, measured = _measured(config, network, tables, machine)
        sources |= {"flops": source, "memory": source}
        tables = _tables(*plan, machine, itemsize)
    title = f"{network.name}, training in {options.dtype}: {DISCLAIMER}"
    print(f"{title}\n\n{assumptions(machine, options.dtype, sources)}")
    _print(tables, batches)
    rows = [row for table, _ in tables for row in table]
    if options.json is not None:
        value: dict[str, Any] = {"what": DISCLAIMER, "preset": network.name, "dtype": options.dtype}
        value |= {"machine": dataclasses.asdict(machine), "sources": sources}
        value |= {"rows": [row.to_json() for row in rows]}
        value |= {"measured": [dataclasses.asdict(one) for one in measured]}
        options.json.write_text(json.dumps(value, indent=1) + "\n")
    if options.picture is not None:
        from alexnet_jax.planning import efficiency_picture

        efficiency_picture(rows, _panels(batches), title).savefig(options.picture, dpi=160)


def _machine(options: Options) -> tuple[Any, dict[str, str]]:
    """Return the assumed machine, and the source of each of its numbers."""
    from alexnet_jax.planning import LINKS, Link, Machine

    link = LINKS.get(options.bandwidth or "ndr400")
    if options.bandwidth is None and options.target is not None:
        from alexnet_jax.compiling import parse_target

        chip = parse_target(options.target).chip
        link = Link(chip.link, f"links of {chip.name}: {chip.source}")
    if link is None:
        try:
            bandwidth = 1e9 * positive(options.bandwidth or "")
        except InputError as error:
            raise InputError(f"--bandwidth {error}; or a link: {', '.join(LINKS)}") from None
    machine = Machine(
        flops=options.flops_per_second,
        memory=1e9 * options.memory,
        bandwidth=link.bandwidth if link else bandwidth,
        latency=1e-6 * options.latency,
        algorithm=options.algorithm,
    )
    source = f"{link.source}, nominal" if link else "assumed"
    return machine, {"flops": "assumed", "memory": "assumed", "bandwidth": source}


def _topologies(options: Options, network: Architecture) -> tuple[str, ...]:
    if options.topology == "all":
        return ("data", "data_towers", "hybrid") if network.towers == 2 else ("data", "hybrid")
    return (options.topology,)


def _counts(largest: int) -> list[int]:
    doubled = [1 << power for power in range(largest.bit_length()) if 1 << power < largest]
    return [*doubled, largest]


def _tables(
    network: Architecture,
    topologies: tuple[str, ...],
    counts: list[int],
    batches: dict[str, int],
    machine: Any,
    itemsize: int,
) -> list[tuple[list[Any], str]]:
    from alexnet_jax.planning import predict_scaling

    return [
        predict_scaling(scaling, topology, network, counts, batch, machine, itemsize)
        for topology in topologies
        for scaling, batch in batches.items()
    ]


def _panels(batches: dict[str, int]) -> dict[str, str]:
    return {
        "weak": f"weak scaling: {batches['weak']:,} images on each device",
        "strong": f"strong scaling: {batches['strong']:,} images over all devices",
    }


def _print(tables: list[tuple[list[Any], str]], batches: dict[str, int]) -> None:
    from alexnet_jax.planning import format_scaling

    for rows, stopped in tables:
        print(f"\n{rows[-1].topology}, {_panels(batches)[rows[0].scaling]}\n{format_scaling(rows)}")
        if stopped:
            print(f"no more: {stopped}")
        if held := rows[-1].held:
            print(
                f"every device holds the dense layers' inputs of all images: {held / 1e9:,.3g} GB "
                f"on {rows[-1].step.devices:,} devices"
            )


def _compiled(
    config: TrainConfig, network: Architecture, name: str, machine: Any
) -> tuple[Any, str]:
    """Return the machine with the rates that a step compiled for a target lets expect, and a
    description of the target."""
    from alexnet_jax.bench import stored_size
    from alexnet_jax.compiling import target_rates
    from alexnet_jax.display import waiting

    target, devices = devices_of(name, "one_device", None)
    with waiting(f"compiling for {target.name}"):
        flops, memory = target_rates(network, config, target, devices, stored_size(network))
    source = f"a step of {config.batch} images compiled for {target.name}, not measured"
    return dataclasses.replace(machine, flops=flops, memory=memory), source


def _measured(
    config: TrainConfig, network: Architecture, tables: list[Any], machine: Any
) -> tuple[Any, str, list[Any]]:
    """Return the machine with the measured rates of this one's device, a description of the device,
    and measurements of several devices beside their predictions."""
    import jax

    from alexnet_jax.display import remark, waiting
    from alexnet_jax.planning import compare_with_measured, device_rates, format_comparison
    from alexnet_jax.runtime import enable_compile_cache

    enable_compile_cache()
    remark("measuring one device")
    with waiting("compiling and timing steps"):
        machine = device_rates(network, config, machine)
    device = jax.devices()[0]
    source = f"measured here: {device.device_kind}, batch {config.batch}"
    weak = [row for rows, _ in tables for row in rows if row.scaling == "weak"]
    available = len(jax.devices())
    cases = [(row.topology, row.step.devices) for row in weak if 1 < row.step.devices <= available]
    compared = compare_with_measured(network, config, machine, cases, remark)
    if compared:
        print(f"\n{format_comparison(compared, device.platform == 'cpu')}\n")
    return machine, source, compared


command = partial(run, main, Options)
