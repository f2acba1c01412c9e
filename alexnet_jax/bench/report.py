"""Results of a comparison as records for a file and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alexnet_jax.bench.race import Entrant, Outcome, Plan
from alexnet_jax.bench.times import ratio
from alexnet_jax.bench.work import Mode
from alexnet_jax.display import format_milliseconds, format_table
from alexnet_jax.network import Architecture
from alexnet_jax.planning import layout, operations


def counted(architecture: Architecture, mode: Mode, batch: int) -> float:
    """Count the operations of a step, two for each multiply-add of convolutions and dense layers.

    Training counts the forward pass and the gradients of inputs and weights, without that of the
    images: 4.14e9 for each image of `paper`; the forward pass alone has 1.45e9. Normalization,
    pooling, dropout and the update are not counted.
    """
    if mode == "train":
        return operations(architecture, layout("one_device", architecture, 1), batch)
    return sum(2 * batch * placed.macs for placed in architecture.placed())


def race_record(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the record of one batch size: all results, under names that do not change.

    For both modes MODE = train, infer:

      MODE_ratio              median time of the fastest peer over ours; None without a peer
      MODE_images_per_second  rate of ours
      MODE_flops_per_second   counted operations/s of ours
      MODE_share_of_product   that rate over the rate of a matrix product in the same rounds on as
                              many devices
      MODE                    all times of ours, of the best peer in each group with its own ratio,
                              and of the variants in the heats; reasons of those that failed

    and once: peer, device, platform, devices, batch, preset, dtype, topology, steps_per_dispatch,
    threads, allocator, library.
    """
    work, about = plan.ours, outcomes[0].ours.about
    best = next((o.best for o in outcomes if o.best is not None), None)
    value: dict[str, Any] = {
        "peer": None if best is None else best.about.library,
        "device": about.device,
        "platform": about.platform,
        "devices": about.devices,
        "library": about.library,
        "preset": work.architecture.name,
        "batch": work.batch,
        "dtype": work.dtype,
        "topology": work.topology,
        "steps_per_dispatch": work.steps_per_dispatch,
        "threads": work.threads or "all",
        "allocator": plan.allocator,
    }
    for outcome in outcomes:
        value |= _of_mode(plan, outcome)
    return value


def _of_mode(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    mode, ours, best = outcome.mode, outcome.ours, outcome.best
    batch = plan.ours.batch
    flops = counted(plan.ours.architecture, mode, batch) / ours.times.median
    peak = outcome.products_per_second * _processors(ours)
    return {
        f"{mode}_ratio": None if best is None else ratio(best.times, ours.times),
        f"{mode}_images_per_second": batch / ours.times.median,
        f"{mode}_flops_per_second": flops,
        f"{mode}_share_of_product": flops / peak,
        f"{mode}_product_flops_per_second": outcome.products_per_second,
        f"{mode}_peak_memory_bytes": ours.peak_bytes,
        mode: {
            "ours": _entrant(ours),
            "peers": {
                group: {**_entrant(peer), "ratio": ratio(peer.times, ours.times)}
                for group, peer in outcome.peers.items()
            },
            "heats": {name: times.to_json() for name, times in outcome.heats.items()},
            "failed": outcome.failed,
        },
    }


def _processors(entrant: Entrant) -> int:
    """Return the number of independent processors: the devices of a CPU share its cores."""
    return 1 if entrant.about.platform == "cpu" else entrant.about.devices


def _entrant(entrant: Entrant) -> dict[str, Any]:
    about = entrant.about
    return {
        "name": entrant.name,
        "library": about.library,
        **entrant.times.to_json(),
        "compile_seconds": about.compile_seconds,
        "program_bytes": about.program_bytes,
        "peak_memory_bytes": entrant.peak_bytes,
    }


HEADER = (
    "side",
    "ms",
    "quartiles",
    "images/s",
    "GFLOP/s",
    "of product",
    "memory MB",
    "compile s",
    "ratio",
)


def format_race(plan: Plan, outcome: Outcome) -> str:
    """Format ours, the best peer of each group with its ratio, and slower and failed variants."""
    rows = [
        HEADER,
        *(_row(plan, outcome, side) for side in (outcome.ours, *outcome.peers.values())),
    ]
    widest = max(len(row[0]) for row in rows)
    text = format_table([(*row[1:], f" {row[0].ljust(widest)}") for row in rows]).splitlines()
    return "\n".join([*text, *_notes(outcome)])


def _row(plan: Plan, outcome: Outcome, side: Entrant) -> tuple[str, ...]:
    batch, median = plan.ours.batch, side.times.median
    flops = counted(plan.ours.architecture, outcome.mode, batch) / median
    low, high = side.times.spread
    peak = outcome.products_per_second * (_processors(side))
    return (
        side.name,
        format_milliseconds(median),
        f"{format_milliseconds(low)}-{format_milliseconds(high)}",
        f"{batch / median:,.{0 if batch / median >= 100 else 1}f}",
        f"{flops / 1e9:,.{0 if flops >= 1e11 else 1}f}",
        f"{flops / peak:.0%}",
        "-" if side.peak_bytes is None else f"{side.peak_bytes / 1e6:,.0f}",
        f"{side.about.compile_seconds:.1f}",
        "" if side is outcome.ours else f"{ratio(side.times, outcome.ours.times):.2f}",
    )


def _notes(outcome: Outcome) -> Iterator[str]:
    program = outcome.ours.about.program_bytes
    counted_by_compiler = "" if program is None else f"; our program holds {program / 1e6:,.0f} MB"
    rate = outcome.products_per_second / 1e9
    yield f"matrix product in the same rounds: {rate:,.0f} GFLOP/s{counted_by_compiler}"
    taken = {side.name for side in outcome.peers.values()}
    for name, times in outcome.heats.items():
        if name not in taken:
            yield f"slower in its heat: {name}, {format_milliseconds(times.median)} ms"
    for name, why in outcome.failed.items():
        yield f"not working: {name}: {why}"
