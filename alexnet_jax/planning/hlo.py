"""What a compiled program sends between devices, read from its HLO text. jax is not imported."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "collective-permute", "all-to-all")

# `%name = type kind(operands), attributes`, the type being a tuple where arrays were combined.
# `kind-start` begins the transfer that `kind-done` awaits; the latter is not matched.
_COLLECTIVE = re.compile(
    rf"= (?P<type>\(.*?\)|\S+) (?P<kind>{'|'.join(KINDS)})(?P<start>-start)?"
    r"\((?P<operands>.*?)\)(?:,|$)(?P<rest>.*)"
)
_NAMED = re.compile(r"^\s*(?:ROOT )?%(?P<name>[\w.-]+) = (?P<value>.*)")
_OPERAND = re.compile(r"%([\w.-]+)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')
_ARRAY = re.compile(r"\b([a-z]\w*)\[([\d,]*)\]")


@dataclass(frozen=True)
class Collective:
    """One array that devices exchange: in every group, each sender sends `values` a step.

    Attributes:
      kind: the HLO name, one of KINDS.
      dtype: the HLO name of the type, such as f32.
      shape: of the array on each device, after the exchange.
      values: sent by each sending device in a step, in the least traffic that does the work. With
        g members: (g-1)/g of the result of an all-gather and of the operand of a reduce-scatter or
        all-to-all, 2(g-1)/g of the operand of an all-reduce, the operand of a collective-permute.
      groups: sets of devices that exchange, each for itself.
      members, senders: devices in a group, and those of them that send.
      op_name: where in the traced program it comes from, such as "jit(f)/jvp(conv3)/all_gather".
      upstream: the same of the instructions that its operand is computed from, nearest first.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    values: float
    groups: int
    members: int
    senders: int
    op_name: str
    upstream: tuple[str, ...]

    @property
    def bytes(self) -> float:
        """Sent by all devices together, in a step."""
        bits = 8 if self.dtype == "pred" else int(re.findall(r"\d+", self.dtype)[0])
        return self.groups * self.senders * self.values * bits / 8


def collectives(text: str, devices: int) -> list[Collective]:
    """Every array that crosses, in the order of the text.

    Args:
      text: a compiled module, as `compiled.as_text()` gives it.
      devices: that it runs on.

    Raises:
      ValueError: a collective whose groups cannot be read.
    """
    program = _program(text)
    return [found for line in text.splitlines() for found in _arrays(line, devices, program)]


def _arrays(line: str, devices: int, program: dict[str, str]) -> Iterator[Collective]:
    match = _COLLECTIVE.search(line)
    if match is None:
        return
    kind, rest = match["kind"], match["rest"]
    groups, members, senders = _groups(kind, rest, devices)
    if members < 2:
        return
    arrays = _ARRAY.findall(match["type"])
    if match["start"] and kind != "all-reduce":
        # (operands, results), after which a permutation may have two counters.
        arrays = [array for array in arrays if array != ("u32", "")]
        arrays = arrays[len(arrays) // 2 :]
    operands = _OPERAND.findall(match["operands"])
    for place, (dtype, sides) in enumerate(arrays):
        shape = tuple(int(side) for side in sides.split(",") if side)
        yield Collective(
            kind,
            dtype,
            shape,
            values=_sent(kind, math.prod(shape), members),
            groups=groups,
            members=members,
            senders=senders,
            op_name=_op_name(rest),
            upstream=tuple(_upstream(operands[place : place + 1], program)),
        )


def _sent(kind: str, size: int, members: int) -> float:
    """Values that a device sends for a result of `size` values on each."""
    match kind:
        case "collective-permute":
            return size
        case "reduce-scatter":
            return size * (members - 1)  # (g-1)/g of an operand g times as large
        case "all-reduce":
            return 2 * size * (members - 1) / members
    return size * (members - 1) / members


def _groups(kind: str, attributes: str, devices: int) -> tuple[int, int, int]:
    """(groups, members of each, senders in each); members 0 where nothing is sent."""
    if kind == "collective-permute":
        return _pairs(attributes)
    # {{0,1},{2,3}}; [2,2]<=[4]; mesh['data'=2,'tower'=2] {'tower'}; {} for all devices
    if listed := re.search(r"replica_groups=\{(\{[\d,{}]*\})\}", attributes):
        sets = re.findall(r"\{([\d,]+)\}", listed[1])
        return len(sets), (size := sets[0].count(",") + 1), size
    if counted := re.search(r"replica_groups=\[(\d+),(\d+)\]<=", attributes):
        return int(counted[1]), int(counted[2]), int(counted[2])
    if named := re.search(r"replica_groups=mesh\[(.*?)\] \{(.*?)\}", attributes):
        axes = dict(re.findall(r"'(.*?)'=(\d+)", named[1]))
        used = re.findall(r"'([^']*)'(?=,|$)", named[2])
        if used and set(used) <= set(axes):
            size = math.prod(int(axes[axis]) for axis in used)
            return math.prod(map(int, axes.values())) // size, size, size
    if "replica_groups={}" in attributes:
        return 1, devices, devices
    raise ValueError(f"a collective whose groups cannot be read: {attributes[:200]}")


def _pairs(attributes: str) -> tuple[int, int, int]:
    """As `_groups`, of source and target pairs: a group is what pairs connect."""
    pairs = [pair for pair in re.findall(r"\{(\d+),(\d+)\}", attributes) if pair[0] != pair[1]]
    groups: list[set[str]] = []
    for pair in pairs:
        joined = set(pair).union(*(group for group in groups if group & set(pair)))
        groups = [group for group in groups if not group & joined] + [joined]
    return (len(groups), len(groups[0]), len(pairs) // len(groups)) if groups else (0, 0, 0)


def _program(text: str) -> dict[str, str]:
    """Instructions by name, what stands right of the equals sign."""
    named = (match for line in text.splitlines() if (match := _NAMED.match(line)))
    return {match["name"]: match["value"] for match in named}


def _op_name(value: str) -> str:
    found = _OP_NAME.search(value)
    return found[1] if found else ""


def _upstream(names: list[str], program: dict[str, str], most: int = 50) -> Iterator[str]:
    """The op_names of instructions and of those before them, nearest first."""
    queue, seen = list(names), set(names)
    while queue and most:
        value, most = program.get(queue.pop(0), ""), most - 1
        if name := _op_name(value):
            yield name
        # Computations that an instruction calls are no operands.
        before = _OPERAND.findall(value.partition("), ")[0])
        queue += [name for name in before if name not in seen]
        seen.update(before)
