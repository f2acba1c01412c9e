"""Tables of the times of single layers and of kernels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet_jax.bench.layer_counts import Counts
from alexnet_jax.display import format_milliseconds, format_table
from alexnet_jax.network import LRN, Architecture, AveragePool, MapNorm, MaxPool


@dataclass(frozen=True)
class Pass:
    """One pass of a layer: its time (s), its counts, and its least time (s) by the roofline."""

    seconds: float
    counts: Counts
    bound: float

    @property
    def times_bound(self) -> float:
        """Return the ratio of the time to its bound."""
        return self.seconds / self.bound

    def to_json(self) -> dict[str, float]:
        return {
            "seconds": self.seconds,
            "operations": self.counts.operations,
            "bytes": self.counts.bytes,
            "bound_seconds": self.bound,
        }


@dataclass(frozen=True)
class Row:
    """Passes of a layer; `backward` is None where it has none. Sums leave out alternatives."""

    name: str
    forward: Pass
    backward: Pass | None
    alternative: bool = False

    @property
    def passes(self) -> list[Pass]:
        return [self.forward] if self.backward is None else [self.forward, self.backward]

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.passes)

    def to_json(self) -> dict[str, Any]:
        backward = None if self.backward is None else self.backward.to_json()
        return {
            "name": self.name,
            "forward": self.forward.to_json(),
            "backward": backward,
            "alternative": self.alternative,
        }


def rows(timings: Iterable[dict[str, Any]], product: float, bandwidth: float) -> list[Row]:
    """Combine timings with their bounds.

    Args:
      timings: `layer_times.Timing`s in the form of JSON.
      product: operations/s of a matrix product.
      bandwidth: bytes/s of memory.
    """

    def one(seconds: float, value: dict[str, float]) -> Pass:
        counts = Counts(**value)
        return Pass(seconds, counts, counts.bound(product, bandwidth))

    return [
        Row(
            value["name"],
            one(value["forward"], value["forward_counts"]),
            None if value["backward"] is None else one(value["backward"], value["backward_counts"]),
            value["alternative"],
        )
        for value in timings
    ]


HEADER = ("forward ms", "bound", "times", "GFLOP", "MB")


def table(rows: Sequence[Row], architecture: Architecture) -> str:
    """Format each layer's time, its bound, their ratio, operations and bytes."""
    lines: list[tuple[str, ...]] = [("layer", *HEADER, "backward ms", *HEADER[1:], "of all")]
    taken = [row for row in rows if not row.alternative]
    total = sum(row.seconds for row in taken)
    for row in rows:
        lines.append(
            (row.name, *_cells(row.forward), *_cells(row.backward), f"{row.seconds / total:.0%}")
        )
    return "\n".join([format_table(lines), *_shares(taken, architecture, total)])


def _cells(one: Pass | None) -> tuple[str, ...]:
    if one is None:
        return ("",) * 5
    operations = one.counts.operations
    return (
        format_milliseconds(one.seconds),
        format_milliseconds(one.bound),
        f"{one.times_bound:.1f}",
        f"{operations / 1e9:,.1f}" if operations else "",
        f"{one.counts.bytes / 1e6:,.1f}",
    )


def _shares(rows: Sequence[Row], architecture: Architecture, total: float) -> Iterator[str]:
    """Yield lines with the sums of times and bounds, and the share of some kinds of layers."""
    kinds = {layer.name: type(layer) for layer in architecture.layers}
    bound = sum(one.bound for row in rows for one in row.passes)
    yield f"sum {format_milliseconds(total)} ms, of the bounds {format_milliseconds(bound)} ms"
    wanted = (LRN, MapNorm, MaxPool, AveragePool)
    part = sum(row.seconds for row in rows if kinds.get(row.name.split("+")[0]) in wanted)
    yield f"normalization and pooling: {part / total:.1%} of the sum"


def kernel_table(kernels: Sequence[dict[str, Any]], most: int = 25) -> str:
    """Format the `most` longest kernels with their shares of the time, and the number of others."""
    total = sum(kernel["seconds"] for kernel in kernels)
    lines = [("ms", "of all", "calls", "  kernel")]
    for kernel in kernels[:most]:
        share, calls = kernel["seconds"] / total, kernel["calls"]
        lines.append(
            (
                format_milliseconds(kernel["seconds"]),
                f"{share:.1%}",
                f"{calls:g}",
                f"  {kernel['name']}",
            )
        )
    text = format_table([(*line[:3], line[3].ljust(60)[:60]) for line in lines])
    left = len(kernels) - most
    return f"{text}\nand {left} shorter ones" if left > 0 else text
