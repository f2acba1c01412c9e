"""Measure the speed of the network.

Times inference and the training step that train runs, after warming up, in interleaved
repetitions; with --peer torch, beside PyTorch. The columns:

ms, quartiles  time of a step: median over the repetitions, and first and third quartile
GFLOP/s        rate of convolutions and dense layers, two operations per multiply-add
of product     that rate over the rate of a large matrix product, timed in the same rounds
memory MB      peak after warming up: of the process on a CPU, of the device's arrays on a GPU
compile s      time to compile the function, without a cache
ratio          the peer's median time over ours

PyTorch's network is tried in both memory layouts and two forms of normalization, and the fastest
is compared. Its training step does not crop, mirror, colour or score images; ours does. Each side
runs in a process of its own, with the same cores and allocator settings, and waits while another is
timed.

With --input DATA, the rate at which images of a data set are read is measured instead, stage by
stage, beside that of noise; DATA "synthetic" measures noise alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from alexnet_jax.cli.benchmark import Options, parse
from alexnet_jax.cli.ending import end_in_a_line
from alexnet_jax.display import quiet, remark, waiting


def main(options: Options) -> None:
    if options.input is not None:
        return _input(options, options.input)
    from alexnet_jax.bench import MODES, Plan, format_race, race, race_record, torch_variants

    records: list[dict[str, Any]] = []
    for work in options.works:
        groups = torch_variants(options.compiled) if options.peer else {}
        plan = Plan(work, groups, options.repeats, options.allocator)
        outcomes = []
        for mode in MODES:
            outcome = race(plan, mode, remark)
            outcomes.append(outcome)
            print(f"\n{_title(work, mode, outcome.ours.about)}\n{format_race(plan, outcome)}\n")
        measured = race_record(plan, outcomes)
        if options.layers or options.kernels:
            measured |= _measure_layers(options, work)
        records.append(measured)
    if options.json is not None:
        value = records[0] if len(records) == 1 else records
        options.json.write_text(json.dumps(value, indent=1) + "\n")
    if options.picture is not None:
        from alexnet_jax.bench import comparison_picture

        comparison_picture(records).savefig(options.picture, dpi=150)
    return None


def _input(options: Options, data: str) -> None:
    from alexnet_jax.bench import format_rates, measure_stages

    with waiting("measuring the input"):
        records = [
            stage
            for work in options.works
            for stage in measure_stages(data, options.data_dir, work.batch, options.seconds)
        ]
    print(format_rates(records))
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1) + "\n")


def _title(work: Any, mode: str, about: Any) -> str:
    does = {"infer": "inference", "train": "training"}[mode]
    where = f"{about.device}{f' x {about.devices}' if about.devices > 1 else ''}"
    return f"{work.architecture.name}, {does}, batch {work.batch}, {work.dtype}, {where}"


def _measure_layers(options: Options, work: Any) -> dict[str, Any]:
    """Measure the layers and kernels of the training step; print and return the results."""
    from alexnet_jax.bench import Process, layer_table, process_environment

    measured: dict[str, Any] = {}
    remark(f"looking into a training step of {work.batch} images")
    with (
        waiting("measuring"),
        Process(work, process_environment(options.allocator)) as process,
    ):
        if options.layers:
            product, bandwidth = process.ask("product"), process.ask("bandwidth")
            rows = layer_table.rows(process.ask("layers"), product, bandwidth)
            print(
                f"\nlayers of {work.architecture.name} alone, batch {work.batch}, {work.dtype}; "
                f"bounds by {product / 1e9:,.0f} GFLOP/s of a matrix product and "
                f"{bandwidth / 1e9:,.1f} GB/s of memory\n"
                f"{layer_table.table(rows, work.architecture)}\n"
            )
            measured["layers"] = [row.to_json() for row in rows]
            measured |= {"layers_product_flops_per_second": product}
            measured |= {"memory_bytes_per_second": bandwidth}
        if options.kernels:
            measured["kernels"] = process.ask("kernels")
            print(
                f"\nkernels of a training step\n{layer_table.kernel_table(measured['kernels'])}\n"
            )
    return measured


def command(arguments: Sequence[str], program: str | None = None) -> None:
    """Parse and run."""
    with end_in_a_line():
        options = parse(arguments, str(__doc__), program)
        with quiet(options.quiet):
            main(options)
