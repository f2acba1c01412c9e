"""Parser of the HLO text of a compiled program, as CPUs, GPUs and TPUs have it; without jax."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

# `%name = type kind(operands), attributes`, where the type of several arrays is a tuple.
_INSTRUCTION = re.compile(
    r"^\s*(?P<root>ROOT )?%(?P<name>[\w.-]+) = (?P<type>\(.*?\)|\S+) (?P<kind>[a-z][\w-]*)"
    r"\((?P<operands>.*?)\)(?:,|$)(?P<attributes>.*)"
)
_COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) \(.*\{\s*$")
_ARRAY = re.compile(r"\b([a-z]\w*)\[([\d,]*)\](?:\{([^}]*)\})?")
_OPERAND = re.compile(r"%([\w.-]+)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')
# A reduction and a sort apply a computation too, which is a part of themselves.
_CALLED = {
    "": re.compile(r"\b(?:calls|body)=%?([\w.-]+)"),
    "call": re.compile(r"\bto_apply=%?([\w.-]+)"),
}
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


@dataclass(frozen=True)
class Array:
    """Type of an array: the HLO name of its elements, such as f32, its shape and its layout."""

    dtype: str
    shape: tuple[int, ...]
    layout: str = ""  # "1,0:T(8,128)S(1)": axes from the fastest on, tiles, space of memory

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> float:
        """Bytes of the elements, without those that tiles add."""
        digits = re.findall(r"\d+", self.dtype)
        bits = 8 if self.dtype == "pred" else int(digits[0]) if digits else 0
        return self.size * bits / 8

    @property
    def order(self) -> str:
        """Axes from the one that changes fastest on, such as "1,0", and their tiles."""
        return re.sub(r"S\(\d+\)", "", self.layout).rstrip(":")

    @property
    def on_chip(self) -> bool:
        """Whether it lies in another memory than the device's main one."""
        return re.search(r"S\([1-9]\d*\)", self.layout) is not None


@dataclass(frozen=True)
class Instruction:
    """One instruction: `%name = arrays kind(operands), attributes`."""

    name: str
    kind: str
    arrays: tuple[Array, ...]
    operands: tuple[str, ...]
    attributes: str
    root: bool
    literal: str = ""  # text between the parentheses

    @cached_property
    def op_name(self) -> str:
        """Origin in the traced program, such as "jit(f)/jvp(conv3)/all_gather"."""
        match = _OP_NAME.search(self.attributes)
        return match[1] if match else ""

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Names of the computations that run in it: a fusion's, a loop's body, branches."""
        if branches := _BRANCHES.search(self.attributes):
            return tuple(_OPERAND.findall(branches[1]))
        return tuple(_CALLED["call" if self.kind == "call" else ""].findall(self.attributes))

    @property
    def condition(self) -> str | None:
        """Name of the computation that ends a loop."""
        match = re.search(r"\bcondition=%?([\w.-]+)", self.attributes)
        return match[1] if match else None

    @property
    def bytes(self) -> float:
        """Bytes of its results."""
        return sum(array.bytes for array in self.arrays)


@dataclass(frozen=True)
class Module:
    """Instructions of a program, by computation, in the order of the text.

    Attributes:
      computations: instructions by name of their computation, "" where a text has none.
      entry: name of the computation that runs.
    """

    computations: dict[str, tuple[Instruction, ...]] = field(default_factory=dict)
    entry: str = ""

    @cached_property
    def by_name(self) -> dict[str, Instruction]:
        """Return all instructions by name."""
        return {one.name: one for body in self.computations.values() for one in body}

    def of(self, name: str) -> tuple[Instruction, ...]:
        """Return the instructions of a computation; none if the text does not have it."""
        return self.computations.get(name, ())

    def within(self, instruction: Instruction) -> Iterator[Instruction]:
        """Yield the instructions of all computations that one calls, at any depth."""
        for name in instruction.called:
            for inner in self.of(name):
                yield inner
                yield from self.within(inner)

    def operands(self, instruction: Instruction) -> list[Instruction]:
        """Return the instructions that one reads."""
        return [self.by_name[name] for name in instruction.operands if name in self.by_name]

    def trips(self, loop: Instruction) -> int | None:
        """Return how often the body of a `while` runs, if its condition compares with a constant.

        The largest constant of the condition counts: loops of XLA begin at 0 and end below it.
        """
        if known := re.search(r'known_trip_count"?[=:]\{"?n"?[=:]"?(\d+)', loop.attributes):
            return int(known[1])
        bounds = [
            int(one.literal)
            for one in self.of(loop.condition or "")
            if one.kind == "constant" and re.fullmatch(r"\d+", one.literal)
        ]
        return max(bounds, default=None)


def parse_module(text: str) -> Module:
    """Parse the text of a compiled program, from `compiled.as_text()`."""
    computations: dict[str, list[Instruction]] = {}
    current, entry = "", ""
    for line in text.splitlines():
        if match := _INSTRUCTION.match(line):
            computations.setdefault(current, []).append(_instruction(match))
        elif match := _COMPUTATION.match(line):
            current = match["name"]
            entry = current if match["entry"] else entry
    return Module({name: tuple(body) for name, body in computations.items()}, entry)


def _instruction(match: re.Match[str]) -> Instruction:
    arrays = tuple(
        Array(dtype, tuple(int(side) for side in sides.split(",") if side), layout)
        for dtype, sides, layout in _ARRAY.findall(match["type"])
    )
    operands = tuple(_OPERAND.findall(match["operands"]))
    return Instruction(
        match["name"],
        match["kind"],
        arrays,
        operands,
        match["attributes"],
        match["root"] is not None,
        "" if operands else match["operands"],
    )
