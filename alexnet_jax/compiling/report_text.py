"""A report of a compiled program as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexnet_jax.compiling.report import Report
from alexnet_jax.compiling.targets import Chip
from alexnet_jax.display import format_milliseconds, format_table

DISCLAIMER = "compiled ahead of time, not measured"


def format_report(report: Report, plain: Report | None = None) -> str:
    """Format a report as text.

    Args:
      plain: the report of the same program with operations of XLA alone, shown beside.
    """
    sections = (
        _title(report),
        _memory(report),
        _time(report, plain),
        _layers(report, plain),
        _dearest(report),
        _collectives(report),
        _warnings(report),
        assumptions(report.target.chip),
    )
    return "\n\n".join(section for section in sections if section)


def _title(report: Report) -> str:
    what = "training step" if report.mode == "train" else "inference"
    devices = "1 device" if report.devices == 1 else f"{report.devices} devices"
    return (
        f"{report.preset}, {report.topology} over {devices} of {report.target.name}: {what} of "
        f"{report.batch} images in {report.dtype}, {DISCLAIMER}"
    )


def _memory(report: Report) -> str:
    memory = report.memory
    kinds = (
        ("arguments", memory.arguments),
        ("temporaries", memory.temporaries),
        ("results of their own", memory.results - memory.aliased),
        ("program", memory.code),
        ("all", memory.total),
        ("a device has", report.device_memory),
    )
    verdict = "fits" if report.fits else "does not fit"
    lines = [("memory of a device", "GB"), *((name, f"{size / 1e9:.3f}") for name, size in kinds)]
    return f"{format_table(lines, 1, rules=(1, 5))}\n{verdict}"


def _time(report: Report, plain: Report | None) -> str:
    reports = [report] if plain is None else [report, plain]
    names = [""] if plain is None else [f"{report.kernels} kernels", "plain XLA"]
    rows: list[tuple[str, list[str]]] = [
        ("ms", [format_milliseconds(one.seconds) for one in reports]),
        ("of these exchange", [format_milliseconds(one.exchange) for one in reports]),
        ("images/s", [f"{one.images_per_second:,.0f}" for one in reports]),
        ("million cycles", [_cycles(one) for one in reports]),
        ("counted GFLOP", [f"{one.flops / 1e9:,.1f}" for one in reports]),
        ("GB accessed", [f"{one.bytes_accessed / 1e9:,.2f}" for one in reports]),
    ]
    lines = [("estimate of a step", *names), *((name, *cells) for name, cells in rows)]
    return format_table(lines, 1)


def _cycles(report: Report) -> str:
    return "none" if report.cycles is None else f"{report.cycles / 1e6:,.2f}"


def _layers(report: Report, plain: Report | None) -> str:
    """Return the table of time by layer, the largest first."""
    times = report.by_layer()
    before = {} if plain is None else plain.by_layer()
    head = ("layer", "part", "ms", "share", *(("plain ms",) if plain else ()))
    lines: list[Sequence[str]] = [head]
    for key in dict.fromkeys((*times, *before)):
        seconds = times.get(key, 0.0)
        if max(seconds, before.get(key, 0.0)) < 0.002 * report.compute:
            continue
        share = f"{seconds / report.compute:.1%}"
        beside = (format_milliseconds(before.get(key, 0.0)),) if plain else ()
        lines.append((*key, format_milliseconds(seconds), share, *beside))
    return format_table(lines, 2)


def _dearest(report: Report) -> str:
    lines: list[Sequence[str]] = [("dearest", "part", "operation", "runs", "ms", "share")]
    for cost in report.dearest():
        kernel = cost.kernel
        lines.append(
            (
                kernel.layer,
                kernel.part,
                f"{kernel.what} ({kernel.instruction.kind})",
                str(kernel.runs),
                format_milliseconds(cost.seconds),
                f"{cost.seconds / report.compute:.1%}",
            )
        )
    return format_table(lines, 3)


def _collectives(report: Report) -> str:
    """Return the table of what crosses, by layer; asynchronous where the device computes on."""
    if not report.collectives:
        return "nothing crosses between devices"
    keys = dict.fromkeys(
        (one.layer, one.direction, one.kind, one.dtype, one.asynchronous)
        for one in report.collectives
    )
    head = ("layer", "direction", "collective", "type", "asynchronous", "arrays", "bytes/step")
    lines: list[Sequence[str]] = [head]
    for key in keys:
        same = [
            one
            for one in report.collectives
            if (one.layer, one.direction, one.kind, one.dtype, one.asynchronous) == key
        ]
        size = sum(one.bytes_per_step for one in same)
        lines.append((*key[:4], "yes" if key[4] else "no", str(len(same)), f"{size:,.0f}"))
    total = sum(one.bytes_per_step for one in report.collectives)
    lines.append(("all", "", "", "", "", str(len(report.collectives)), f"{total:,.0f}"))
    return format_table(lines, 5, rules=(1, len(lines) - 1))


def _warnings(report: Report) -> str:
    if not report.warnings:
        return "nothing looks wrong"
    return "\n".join(("what looks wrong:", *(f"  {one}" for one in report.warnings)))


def assumptions(chip: Chip) -> str:
    """Describe in words what the estimate rests on."""
    return "\n".join(("assumptions:", *(f"  {line}" for line in _assumptions(chip))))


def _assumptions(chip: Chip) -> Iterator[str]:
    if chip.platform == "tpu":
        yield (
            f"the compiler's cycles at {chip.clock / 1e9:.2f} GHz, with which its matrix units "
            f"reach {chip.bfloat16 / 1e12:,.0f} TFLOP/s;"
        )
        yield f"memory that it moves without an estimate: {chip.bandwidth / 1e9:,.0f} GB/s;"
        yield "kernels written by hand, which it does not estimate: twice the larger of"
    else:
        yield "this compiler gives no estimate; each kernel takes twice the larger of"
    yield (
        f"  bytes / {chip.bandwidth / 1e9:,.0f} GB/s and operations / "
        f"{chip.bfloat16 / 1e12:,.0f} TFLOP/s"
        + (f" ({chip.float32 / 1e12:,.0f} in float32)" if chip.platform == "cuda" else "")
        + ";"
    )
    yield f"collectives: {chip.link / 1e9:,.0f} GB/s, hidden where asynchronous, without latency;"
    yield "kernels one after the other, no time between them, none for input;"
    yield f"figures of {chip.name}: {chip.source}"
