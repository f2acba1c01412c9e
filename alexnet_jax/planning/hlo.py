"""Collectives in the HLO text of a compiled program, independent of jax."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from alexnet_jax.planning.hlo_text import Array, Instruction, Module, parse_module

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "collective-permute", "all-to-all")

# Instructions that only give an array another shape or place.
_SAME = ("bitcast", "reshape", "copy")


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
      asynchronous: whether the device computes while the array crosses.
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
    asynchronous: bool = False

    @property
    def bytes(self) -> float:
        """Return the bytes sent by all devices together in a step."""
        return self.groups * self.senders * self.values * Array(self.dtype, ()).bytes


def collectives(text: str, devices: int) -> list[Collective]:
    """List every array that crosses between devices, in the order of the text.

    Args:
      text: text of a compiled module, from `compiled.as_text()`.
      devices: number of devices that the module runs on.

    Raises:
      ValueError: a collective whose groups cannot be read.
    """
    module = parse_module(text)
    return [
        array
        for body in module.computations.values()
        for instruction in body
        for array in _arrays(instruction, devices, module)
    ]


def _arrays(instruction: Instruction, devices: int, module: Module) -> Iterator[Collective]:
    """Yield the arrays of an instruction that is a collective."""
    # `kind-start` begins the transfer that `kind-done` awaits.
    kind = instruction.kind.removesuffix("-start")
    if kind not in KINDS:
        return
    groups, members, senders = _groups(kind, instruction.attributes, devices)
    if members < 2:
        return
    for result, operand in zip(_results(instruction), instruction.operands, strict=False):
        for array, source in _joined(result, operand, module):
            yield Collective(
                kind,
                array.dtype,
                array.shape,
                values=_sent(kind, array.size, members),
                groups=groups,
                members=members,
                senders=senders,
                op_name=instruction.op_name,
                upstream=tuple(_upstream([source], module)),
                asynchronous=instruction.kind.endswith("-start"),
            )


def _results(instruction: Instruction) -> tuple[Array, ...]:
    """Return the arrays that a collective results in, one for each operand.

    The type of a start is (operands, results), with two more counters for some permutations, or on
    some platforms (results) alone.
    """
    arrays, count = instruction.arrays, len(instruction.operands)
    if instruction.kind.endswith("-start") and len(arrays) >= 2 * count:
        return arrays[count : 2 * count]
    return arrays


def _joined(array: Array, operand: str, module: Module) -> list[tuple[Array, str]]:
    """Return the (array, name) of all that a compiler has flattened and joined into one operand.

    XLA sums small gradients on a GPU as one vector. A concatenation of the traced program has an
    `op_name`, and is an array of its own.
    """
    source = module.by_name.get(operand)
    if source is None or len(array.shape) != 1:
        return [(array, operand)]
    names, root = source.operands, source
    if source.kind == "fusion" and source.called:
        inner = module.of(source.called[0])
        root = next((one for one in inner if one.root), source)
        numbers = {one.name: int(one.literal) for one in inner if one.kind == "parameter"}
        if not set(root.operands) <= set(numbers):
            return [(array, operand)]
        names = tuple(source.operands[numbers[name]] for name in root.operands)
    if root.kind != "concatenate" or root.op_name or not set(names) <= set(module.by_name):
        return [(array, operand)]
    return [(_own_shape(name, module), name) for name in names]


def _own_shape(name: str, module: Module) -> Array:
    """Return the type of an array before it was given another shape."""
    source = module.by_name[name]
    while source.kind in _SAME and (operands := module.operands(source)):
        source, before = operands[0], source
        if len(source.arrays) != 1 or source.arrays[0].size != before.arrays[0].size:
            return before.arrays[0]
    return source.arrays[0]


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


def _upstream(names: list[str], module: Module, limit: int = 50) -> Iterator[str]:
    """Yield op_names of instructions and of their operands, nearest first, up to a limit."""
    queue, seen = list(names), set(names)
    while queue and limit:
        source, limit = module.by_name.get(queue.pop(0)), limit - 1
        if source is None:
            continue
        if source.op_name:
            yield source.op_name
        queue += [name for name in source.operands if name not in seen]
        seen.update(source.operands)
