"""Tables of the measured parts, from their results."""

from __future__ import annotations

from typing import Any

from alexnet_jax.bench import layer_table
from alexnet_jax.bench.accelerator.check import Record, results
from alexnet_jax.bench.accelerator.markdown import table
from alexnet_jax.bench.accelerator.results import Result
from alexnet_jax.display import format_milliseconds

_LONGEST = 25  # kernels on the page


def plain(value: Any) -> str:
    """Format a value of any kind: large numbers with a prefix, the others as they are."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(plain, value))
    if isinstance(value, int | float) and abs(value) >= 1e6:
        power, prefix = next(p for p in ((1e12, "T"), (1e9, "G"), (1e6, "M")) if abs(value) >= p[0])
        return f"{value / power:.4g} {prefix}"
    return str(value)


def speed(record: Record, done: list[Result]) -> list[str]:
    """Return the table of rates, memory and compile times, and that of the kernels."""
    head = ("work", "ms a step", "quartiles", "images/s", "of product", "memory MB", "compile s")
    rows = [head]
    kernels: list[str] = []
    for result in done:
        value = result.value or {}
        if "kernels" in value:
            kernels = ["", f"{result.item}:", "", *_kernels(value)]
            continue
        low, high = map(format_milliseconds, value["quartiles_seconds"])
        memory = value["program_bytes"]
        rows.append(
            (
                result.item,
                format_milliseconds(value["median_seconds"]),
                f"{low}-{high}",
                f"{value['images_per_second']:,.0f}",
                f"{value['share_of_product']:.0%}",
                "" if memory is None else f"{memory / 1e6:,.0f}",
                f"{value['compile_seconds']:.1f}",
            )
        )
    return [*(table(rows) if len(rows) > 1 else []), *kernels]


def _kernels(value: dict[str, Any]) -> list[str]:
    rows = [("kernel", "ms a step", "of all", "calls")]
    total = value["total_seconds"] or 1.0
    for kernel in value["kernels"][:_LONGEST]:
        name, seconds = kernel["name"][:80], kernel["seconds"]
        share = f"{seconds / total:.1%}"
        rows.append((f"`{name}`", format_milliseconds(seconds), share, f"{kernel['calls']:g}"))
    rows.append((f"all {value['count']}", format_milliseconds(value["total_seconds"]), "100%", ""))
    return table(rows)


def peer(record: Record, done: list[Result]) -> list[str]:
    """Return the table of rates beside PyTorch; above 1 in the ratio ours is faster."""
    rows = [("variant", "batch", "dtype", "ours images/s", "torch images/s", "ratio", "compile s")]
    for result in done:
        value = result.value or {}
        rates = value["images_per_second"]
        rows.append(
            (
                result.item,
                str(value["batch"]),
                value["dtype"],
                f"{rates['ours']:,.0f}",
                f"{rates['torch']:,.0f}",
                f"{value['ratio']:.2f}",
                f"{value['compile_seconds']:.1f}",
            )
        )
    return table(rows)


def input_stages(record: Record, done: list[Result]) -> list[str]:
    """Return the table of the input's stages; "memory" is the file that is mapped into it."""
    rows = [("stage", "dtype", "batch", "images/s", "GB/s", "waited for input")]
    for result in done:
        value = result.value or {}
        for stage in value["stages"]:
            waited = f"{stage['input_wait']:.1%}" if "input_wait" in stage else ""
            rows.append(
                (
                    stage["stage"],
                    value["dtype"],
                    str(value["batch"]),
                    f"{stage['images_per_second']:,.0f}",
                    f"{stage['bytes_per_second'] / 1e9:.2f}",
                    waited,
                )
            )
    return table(rows)


def layers(record: Record, done: list[Result]) -> list[str]:
    """Return the table of single layers, beside their bounds where the rates were measured."""
    rates = {r.item: r.value or {} for r in results(record, "devices") if r.status == "done"}
    product = rates.get("product, bfloat16", {}).get("operations_per_second", float("inf"))
    bandwidth = rates.get("memory", {}).get("bytes_per_second", float("inf"))
    rows = [("layer", "forward ms", "bound", "backward ms", "bound")]
    for row in layer_table.rows([r.value or {} for r in done], product, bandwidth):
        cells = [row.name]
        for one in (row.forward, row.backward):
            cells += ["", ""] if one is None else map(format_milliseconds, (one.seconds, one.bound))
        rows.append(tuple(cells))  # type: ignore[arg-type]
    return table(rows)
