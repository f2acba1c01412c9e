"""Parser of the collectives in the HLO text of a compiled program, independent of jax."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "collective-permute", "all-to-all")

# `%name = type kind(operands), attributes`, where the type of combined arrays is a tuple.
# `kind-start` begins the transfer that `kind-done` awaits; only `kind-start` is matched.
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
    """One array that devices exchange: in each group, every sender sends `values` values in a step.

    Attributes:
      kind: the HLO name, one of KINDS.
      dtype: the HLO name of the element type, such as f32.
      shape: shape of the array on each device, after the exchange.
      values: values sent by each sender in a step, with the least possible traffic. With g members:
        (g-1)/g of the result of an all-gather and of the operand of a reduce-scatter or all-to-all,
        2(g-1)/g of the operand of an all-reduce, and the operand of a collective-permute.
      groups: number of sets of devices that exchange independently of each other.
      members, senders: number of devices in a group, and of those that send.
      op_name: origin in the traced program, such as "jit(f)/jvp(conv3)/all_gather".
      upstream: op_names of the instructions that the operand is computed from, nearest first.
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
        """Return the bytes sent by all devices together in a step."""
        bits = 8 if self.dtype == "pred" else int(re.findall(r"\d+", self.dtype)[0])
        return self.groups * self.senders * self.values * bits / 8


def collectives(text: str, devices: int) -> list[Collective]:
    """List every array that crosses between devices, in the order of the text.

    Args:
      text: text of a compiled module, from `compiled.as_text()`.
      devices: number of devices that the module runs on.

    Raises:
      ValueError: a collective whose groups cannot be read.
    """
    program = _program(text)
    return [array for line in text.splitlines() for array in _arrays(line, devices, program)]


def _arrays(line: str, devices: int, program: dict[str, str]) -> Iterator[Collective]:
    """Yield the arrays of the collective in a line; none if the line has no collective."""
    match = _COLLECTIVE.search(line)
    if match is None:
        return
    kind, rest = match["kind"], match["rest"]
    groups, members, senders = _groups(kind, rest, devices)
    if members < 2:
        return
    arrays = _ARRAY.findall(match["type"])
    if match["start"] and kind != "all-reduce":
        # The type is (operands, results), with two more counters for some permutations.
        arrays = [array for array in arrays if array != ("u32", "")]
        arrays = arrays[len(arrays) // 2 :]
    operands = _OPERAND.findall(match["operands"])
    for index, (dtype, sides) in enumerate(arrays):
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
            upstream=tuple(_upstream(operands[index : index + 1], program)),
        )


def _sent(kind: str, size: int, members: int) -> float:
    """Return the values that a device sends for a result of `size` values on each device."""
    match kind:
        case "collective-permute":
            return size
        case "reduce-scatter":
            return size * (members - 1)  # (g-1)/g of an operand g times as large
        case "all-reduce":
            return 2 * size * (members - 1) / members
    return size * (members - 1) / members


def _groups(kind: str, attributes: str, devices: int) -> tuple[int, int, int]:
    """Return (groups, members of each, senders in each); 0 members if nothing is sent."""
    if kind == "collective-permute":
        return _pairs(attributes)
    # Forms: {{0,1},{2,3}}; [2,2]<=[4]; mesh['data'=2,'tower'=2] {'tower'}; {} for all devices
    if listed := re.search(r"replica_groups=\{(\{[\d,{}]*\})\}", attributes):
        sets = re.findall(r"\{([\d,]+)\}", listed[1])
        size = sets[0].count(",") + 1
        return len(sets), size, size
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
    """Return the same as `_groups` for (source, target) pairs; connected pairs form a group."""
    pairs = [pair for pair in re.findall(r"\{(\d+),(\d+)\}", attributes) if pair[0] != pair[1]]
    groups: list[set[str]] = []
    for pair in pairs:
        joined = set(pair).union(*(group for group in groups if group & set(pair)))
        groups = [group for group in groups if not group & joined] + [joined]
    if not groups:
        return 0, 0, 0
    return len(groups), len(groups[0]), len(pairs) // len(groups)


def _program(text: str) -> dict[str, str]:
    """Return the text right of the equals sign of each instruction, by name."""
    matches = (match for line in text.splitlines() if (match := _NAMED.match(line)))
    return {match["name"]: match["value"] for match in matches}


def _op_name(value: str) -> str:
    match = _OP_NAME.search(value)
    return match[1] if match else ""


def _upstream(names: list[str], program: dict[str, str], limit: int = 50) -> Iterator[str]:
    """Yield op_names of instructions and of their operands, nearest first, up to a limit."""
    queue, seen = list(names), set(names)
    while queue and limit:
        value, limit = program.get(queue.pop(0), ""), limit - 1
        if name := _op_name(value):
            yield name
        # The attributes after the operands may name called computations, which are not operands.
        operands = _OPERAND.findall(value.partition("), ")[0])
        queue += [name for name in operands if name not in seen]
        seen.update(operands)
