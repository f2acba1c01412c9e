"""The record of a check as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from alexnet_jax.bench.accelerator import tables
from alexnet_jax.bench.accelerator.check import Record, results, wrong
from alexnet_jax.bench.accelerator.markdown import table
from alexnet_jax.bench.accelerator.parts import PARTS
from alexnet_jax.bench.accelerator.results import Result

# Tables of the parts whose results have columns of their own.
_TABLES = {
    "speed": tables.speed,
    "peer": tables.peer,
    "input": tables.input_stages,
    "layers": tables.layers,
}


def format_page(record: Record) -> str:
    """Format a record, finished or not: first what is wrong, then each part."""
    lines = [*_head(record), *_wrong(record), *_more_time(record)]
    for part in (part for part in PARTS if part in record["parts"]):
        lines += ["", f"## {PARTS[part].does}", ""]
        done = [result for result in results(record, part) if result.status == "done"]
        lines += _part(record, part, done) if done else []
        lines += _not_done(results(record, part), blank=bool(done))
    return "\n".join(lines) + "\n"


def _head(record: Record) -> Iterator[str]:
    values = {r.item: r.value or {} for r in results(record, "devices") if r.status == "done"}
    about, versions = values.get("devices", {}), values.get("versions", {})
    count, device = about.get("count", "?"), about.get("device", "unknown device")
    small = ", a narrow network that tries the command only" if record["size"] == "small" else ""
    yield f"# alexnet_jax on {count} x {device}"
    yield ""
    versions_text = ", ".join(
        f"{name} {versions[name]}" for name in ("jax", "libtpu", "torch") if versions.get(name)
    )
    yield f"{record['started']}, {record['seconds']:.0f} s{small}; {versions_text or 'no versions'}"


def _wrong(record: Record) -> Iterator[str]:
    found = wrong(record)
    yield ""
    if not found:
        yield "Nothing failed, and all values that were compared agree."
        return
    yield "**What failed:**"
    yield ""
    for part, result in found:
        why = result.line if result.status == "failed" else _disagreement(result.value or {})
        yield f"- {part}, {result.item}: {why}"


def _more_time(record: Record) -> Iterator[str]:
    """Yield how to run what had no time, if anything."""
    parts = [
        part
        for part in PARTS
        if any(result.status == "no time" for result in results(record, part))
    ]
    if parts:
        yield ""
        yield f"For what had no time: `--parts {' '.join(parts)} --minutes 30`."


def _disagreement(value: dict[str, Any]) -> str:
    if value.get("geometry") is False:
        return "crops are not parts of the images"
    error = value.get("error")
    size = "no number" if error is None else f"an error of {error:.2g}"
    return f"{value.get('worst')} has {size}; {value.get('tolerance'):g} is allowed"


def _part(record: Record, part: str, done: list[Result]) -> Iterable[str]:
    if PARTS[part].correctness:
        return _agreement(done)
    if part == "devices":
        return _devices(done)
    return _TABLES[part](record, done)


def _agreement(done: list[Result]) -> list[str]:
    rows = [("compared", "agrees", "worst value", "relative error", "allowed", "s")]
    for result in done:
        value = result.value or {}
        error = value["error"]
        rows.append(
            (
                result.item,
                "yes" if value["agrees"] else "**no**",
                value["worst"],
                "no number" if error is None else f"{error:.1g}",
                f"{value['tolerance']:g}",
                f"{result.seconds:.0f}",
            )
        )
    return table(rows, left=3)


def _devices(done: list[Result]) -> list[str]:
    rows = [("", "")]
    for result in done:
        for name, value in (result.value or {}).items():
            if value not in (None, {}, []):
                rows.append((f"{result.item}: {name}", tables.plain(value)))
    return table(rows, left=2)


def _not_done(found: list[Result], blank: bool) -> Iterator[str]:
    left = [result for result in found if result.status != "done"]
    if left and blank:
        yield ""
    for result in left:
        yield f"- {result.item}: {result.line}"
