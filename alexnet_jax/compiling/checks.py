"""Faults of a program compiled for an accelerator, found in its text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet_jax.compiling.operations import custom_call_target
from alexnet_jax.compiling.schedule import Scheduled
from alexnet_jax.planning import Array, Module

LOOP, COPY, CALLBACK = "loop over the batch", "copy of the batch", "host callback"
SERIOUS = (LOOP, COPY, CALLBACK)
Fault = tuple[str, float, str]  # kind, bytes written in a step, detail
_LARGE = 1 << 20  # bytes: less is not worth a line
_HOST = ("callback", "MoveToHost", "MoveToDevice")
_HOST_KINDS = ("infeed", "outfeed")
_WRITE = ("fusion", "convert", "convolution", "copy", "pad")


@dataclass(frozen=True)
class Finding:
    """One kind of instruction that costs more than it should, in one layer.

    Attributes:
      kind: what it is; those in `SERIOUS` make a program unusable.
      layer: name of the layer, or "views", "rest" or "update".
      count: number of instructions.
      bytes: bytes that they write in a step.
      detail: an example.
    """

    kind: str
    layer: str
    count: int
    bytes: float
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return {
            "kind": self.kind,
            "layer": self.layer,
            "count": self.count,
            "bytes": round(self.bytes),
            "detail": self.detail,
        }

    def __str__(self) -> str:
        times = f"{self.count} times, " if self.count > 1 else ""
        size = f"{self.bytes / 1e6:,.1f} MB, " if self.bytes else ""
        return f"{self.kind}: {self.layer}, {times}{size}{self.detail}"


def check(
    module: Module, scheduled: Iterable[Scheduled], images: Sequence[int], dtype: str
) -> list[Finding]:
    """List what looks wrong, the serious first.

    Args:
      scheduled: the instructions of the program that run by themselves.
      images: numbers of images that a device may hold: its own, and those of the whole batch.
      dtype: dtype of the computation.
    """
    seen: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for one in scheduled:
        faults = (*_control(module, one, images), *_memory(module, one, images))
        for kind, size, detail in (*faults, *_precision(module, one, images, dtype)):
            seen[kind, one.layer].append((size, detail))
    findings = [
        Finding(kind, layer, len(cases), sum(size for size, _ in cases), max(cases)[1])
        for (kind, layer), cases in seen.items()
    ]
    return sorted(findings, key=lambda one: (one.kind not in SERIOUS, one.kind, -one.bytes))


def _control(module: Module, one: Scheduled, images: Sequence[int]) -> Iterator[Fault]:
    """Yield loops, and calls of the host."""
    instruction = one.instruction
    target = custom_call_target(instruction)
    if instruction.kind == "while":
        trips = module.trips(instruction)
        kind = LOOP if trips is None or trips in images else "loop"
        yield kind, 0.0, f"{trips or 'unknown'} trips, {instruction.op_name or instruction.name}"
    # GPUs send to each other by the same instructions.
    host = instruction.kind in _HOST_KINDS or "is_host_transfer=true" in instruction.attributes
    if host or any(word in target for word in _HOST):
        yield CALLBACK, 0.0, target or instruction.kind


def _memory(module: Module, one: Scheduled, images: Sequence[int]) -> Iterator[Fault]:
    """Yield copies of whole batches, changes of layout, and pads that are written."""
    instruction, size = one.instruction, one.instruction.bytes * one.runs
    sources = [source.arrays[0] for source in module.operands(instruction) if source.arrays]
    if instruction.kind == "copy" and sources and _holds(instruction.arrays[0], images):
        array, source = instruction.arrays[0], sources[0]
        same = source.order == array.order and not (source.on_chip or array.on_chip)
        if one.runs > 1 or (same and size >= _LARGE):
            times = f" in each of {one.runs} runs" if one.runs > 1 else ""
            yield COPY, size, f"{_type(array)}{times}"
        elif source.order != array.order and size >= _LARGE:
            yield "layout copy", size, f"{_type(array)} {one.what}"
    root = next((inner for inner in module.within(instruction) if inner.root), instruction)
    if root.kind == "pad" and size >= _LARGE:
        yield "pad written to memory", size, _type(instruction.arrays[0])


def _precision(
    module: Module, one: Scheduled, images: Sequence[int], dtype: str
) -> Iterator[Fault]:
    """Yield float32 arrays under bfloat16, and the products that take bfloat16 under float32."""
    instruction = one.instruction
    if dtype == "bfloat16" and instruction.kind in _WRITE:
        wide = [a for a in instruction.arrays if a.dtype == "f32" and _holds(a, images)]
        if (size := one.runs * sum(array.bytes for array in wide)) >= _LARGE:
            yield "float32 under bfloat16", size, f"{_type(wide[0])} {one.what}"
    if dtype == "float32":
        inside = (instruction, *module.within(instruction))
        products = [inner for inner in inside if inner.kind in ("convolution", "dot")]
        for product in products:
            rounded = [s for s in module.operands(product) if s.arrays[0].dtype == "bf16"]
            if rounded:
                yield "bfloat16 product under float32", 0.0, one.what


def _holds(array: Array, images: Sequence[int]) -> bool:
    """Whether an array holds something of every image: an axis is as long as the batch."""
    return len(array.shape) > 1 and any(side in images for side in array.shape)


def _type(array: Array) -> str:
    return f"{array.dtype}[{','.join(map(str, array.shape))}]"
