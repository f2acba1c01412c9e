"""Estimated time of every kernel of a compiled program.

The cycles are the compiler's own, which stand in the text of a program for a TPU. What it does not
estimate is charged by bytes and operations: memory moved, once; kernels of ours, and all kernels of
a GPU, twice the larger of bytes / bandwidth and operations / rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from alexnet_jax.compiling.operations import custom_call_target, operations
from alexnet_jax.compiling.program import KERNEL
from alexnet_jax.compiling.schedule import Scheduled
from alexnet_jax.compiling.targets import Chip
from alexnet_jax.planning import Instruction, Module

# Nothing is computed or moved, or it moves while something else is computed.
_FREE = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "iota",
    "partition-id", "replica-id", "opt-barrier", "while", "conditional", "call", "domain",
    "copy-start", "copy-done", "slice-start", "slice-done", "async-start", "async-done",
    "async-update",
}  # fmt: skip
_EXCHANGES = ("all-", "reduce-scatter", "collective-")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_KERNEL = 2  # a kernel that nobody has estimated reaches half of the chip's rates


@dataclass(frozen=True)
class Cost:
    """Cost of one kernel in a step, in all its runs.

    Attributes:
      kernel: the instruction, with its layer.
      cycles: the compiler's estimate, or None.
      bytes: bytes of the main memory that it reads and writes.
      operations: operations of its matrix products, where the compiler does not estimate it.
      seconds: estimated time.
    """

    kernel: Scheduled
    cycles: int | None
    bytes: float
    operations: float
    seconds: float


def costs(module: Module, scheduled: Iterable[Scheduled], chip: Chip) -> list[Cost]:
    """List the kernels of a program with their costs; what crosses between devices is left out."""
    return [_cost(module, one, chip) for one in scheduled if not is_free(one.instruction, chip)]


def is_free(instruction: Instruction, chip: Chip) -> bool:
    """Whether an instruction takes no time of its own.

    Of the custom calls of a TPU only kernels written by hand do; others join or annotate arrays.
    """
    if _CYCLES.search(instruction.attributes):
        return False
    if instruction.kind == "custom-call" and chip.platform == "tpu":
        return custom_call_target(instruction) != KERNEL
    return instruction.kind in _FREE or instruction.kind.startswith(_EXCHANGES)


def _cost(module: Module, kernel: Scheduled, chip: Chip) -> Cost:
    instruction, runs = kernel.instruction, kernel.runs
    moved = runs * memory_bytes(module, instruction)
    if chip.clock and (match := _CYCLES.search(instruction.attributes)):
        cycles = int(match[1]) * runs
        return Cost(kernel, cycles, moved, 0.0, cycles / chip.clock)
    counted = runs * operations(module, instruction)
    dtype = "float32" if any(array.dtype == "f32" for array in instruction.arrays) else "bfloat16"
    seconds = max(moved / chip.bandwidth, counted / chip.rate(dtype))
    if chip.platform != "tpu" or instruction.kind == "custom-call":
        seconds *= _KERNEL
    return Cost(kernel, None, moved, counted, seconds)


def memory_bytes(module: Module, instruction: Instruction) -> float:
    """Return the bytes of the main memory that an instruction reads and writes once.

    Operands count as a whole, also where a part is read; those of a kernel written by hand also
    where they lie on the chip already.
    """
    read = [array for source in module.operands(instruction) for array in source.arrays[:1]]
    all_of_them = custom_call_target(instruction) == KERNEL
    return sum(
        array.bytes for array in (*read, *instruction.arrays) if all_of_them or not array.on_chip
    )
