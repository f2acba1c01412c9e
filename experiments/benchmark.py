"""How fast the network is: python experiments/benchmark.py [options]

Times inference and the training step that train.py runs, warm, in interleaved repetitions, beside
PyTorch where that is asked for. The columns:

ms, quartiles  of a step: the median over repetitions, and half of them in between
GFLOP/s        counted operations of convolutions and dense layers, two for each multiply-add
of product     that over the rate of a large matrix product, timed in the same rounds
memory MB      the most held once warm: of the process on a CPU, of the device's arrays on a GPU
compile s      from the function to a program; nothing is taken from a cache
ratio          the peer's median time over ours

PyTorch's network is tried in both layouts of memory and two forms of normalization; the fastest of
those takes part. Its training step does not crop, mirror or colour images, nor score them; ours
does. Every side runs in a process of its own, with the same cores and allocator settings, and
while one is timed the others wait.

With --input DATA, how fast the images of a data set come instead, stage by stage, beside noise;
"synthetic" for noise alone.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alexnet_jax.cli.benchmark import Options, parse
from alexnet_jax.cli.values import mistakes_in_a_line


def main(options: Options) -> None:
    if options.input is not None:
        return _input(options, options.input)
    from alexnet_jax.bench import MODES, Plan, format_race, race, record, torch_variants

    records: list[dict[str, Any]] = []
    for work in options.works:
        groups = torch_variants(options.compiled) if options.peer else {}
        plan = Plan(work, groups, options.repeats, options.allocator)
        outcomes = []
        for mode in MODES:
            outcome = race(plan, mode, _say)
            outcomes.append(outcome)
            print(f"\n{_title(work, mode, outcome.ours.about)}\n{format_race(plan, outcome)}\n")
        found = record(plan, outcomes)
        if options.layers or options.kernels:
            found |= _looked_into(options, work)
        records.append(found)
    if options.json is not None:
        value = records[0] if len(records) == 1 else records
        options.json.write_text(json.dumps(value, indent=1) + "\n")
    if options.picture is not None:
        from alexnet_jax.bench import bars

        bars(records).savefig(options.picture, dpi=150)
    return None


def _input(options: Options, data: str) -> None:
    from alexnet_jax.bench import format_rates, measure_stages

    records = [
        found
        for work in options.works
        for found in measure_stages(data, options.data_dir, work.batch, options.seconds)
    ]
    print(format_rates(records))
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1) + "\n")


def _say(text: str) -> None:
    print(text, flush=True)


def _title(work: Any, mode: str, about: Any) -> str:
    does = {"infer": "inference", "train": "training"}[mode]
    where = f"{about.device}{f' x {about.devices}' if about.devices > 1 else ''}"
    return f"{work.architecture.name}, {does}, batch {work.batch}, {work.dtype}, {where}"


def _looked_into(options: Options, work: Any) -> dict[str, Any]:
    """The layers and kernels of the training step, printed, and as values."""
    from alexnet_jax.bench import Process, environment, layer_table

    found: dict[str, Any] = {}
    _say(f"looking into a training step of {work.batch} images")
    with Process(work, environment(options.allocator)) as process:
        if options.layers:
            product, bandwidth = process.ask("product"), process.ask("bandwidth")
            rows = layer_table.rows(process.ask("layers"), product, bandwidth)
            print(
                f"\nlayers of {work.architecture.name} alone, batch {work.batch}, {work.dtype}; "
                f"bounds by {product / 1e9:,.0f} GFLOP/s of a matrix product and "
                f"{bandwidth / 1e9:,.1f} GB/s of memory\n"
                f"{layer_table.table(rows, work.architecture)}\n"
            )
            found["layers"] = [row.to_json() for row in rows]
            found |= {"layers_product_flops_per_second": product}
            found |= {"memory_bytes_per_second": bandwidth}
        if options.kernels:
            found["kernels"] = process.ask("kernels")
            print(f"\nkernels of a training step\n{layer_table.kernel_table(found['kernels'])}\n")
    return found


if __name__ == "__main__":
    with mistakes_in_a_line():
        main(parse(sys.argv[1:], str(__doc__)))
