"""A training step or inference, compiled for the devices of a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from alexnet_jax import ops
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.planning import compile_lowered, lower_inference, lower_step
from alexnet_jax.runs import TrainConfig

Mode = Literal["train", "infer"]
KERNEL = "tpu_custom_call"  # target of the calls of a kernel written by hand


@dataclass(frozen=True)
class Memory:
    """Bytes of a device's memory, by kind.

    Attributes:
      arguments: weights, velocities, statistics and the device's part of the batch.
      temporaries: all that lives only inside the step.
      results: new weights and metrics.
      aliased: those of the results that take the memory of arguments.
      code: the program itself.
    """

    arguments: int
    temporaries: int
    results: int
    aliased: int
    code: int

    @property
    def total(self) -> int:
        """Bytes that a device must have."""
        return self.arguments + self.temporaries + self.results - self.aliased + self.code


@dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes:
      text: its HLO text.
      memory: what a device holds.
      flops, bytes_accessed: the compiler's counts for one device, or None; the body of a loop
        counts once.
      kernels: number of calls of kernels written by hand.
    """

    text: str
    memory: Memory
    flops: float | None
    bytes_accessed: float | None
    kernels: int


def compile_programs(
    architecture: Architecture,
    config: TrainConfig,
    topology: Topology,
    mode: Mode = "train",
    stored: int | None = None,
) -> tuple[Program, Program | None]:
    """Compile for a topology's devices, which need not be there, without allocating arrays.

    Args:
      stored: side of the stored images; by default that of the network's input, where no crop is
        taken.

    Returns:
      the program as it runs on such a machine, and the same with operations of XLA alone, or None
      if it has no kernels written by hand.

    Raises:
      DoesNotFit: a TPU's memory is too small; the compiler for GPUs does not look.
    """
    lower = lower_step if mode == "train" else lower_inference
    with ops.kernels(True):
        lowered = lower(architecture, config, topology, stored)
    program = _compiled(lowered, topology)
    if not program.kernels:
        return program, None
    with ops.kernels(False):
        lowered = lower(architecture, config, topology, stored)
    return program, _compiled(lowered, topology)


def _compiled(lowered: Any, topology: Topology) -> Program:
    compiled = compile_lowered(lowered, topology)
    memory = compiled.memory_analysis()
    counted = compiled.cost_analysis() or {}
    text: str = compiled.as_text()
    return Program(
        text,
        Memory(
            memory.argument_size_in_bytes,
            memory.temp_size_in_bytes,
            memory.output_size_in_bytes,
            memory.alias_size_in_bytes,
            memory.generated_code_size_in_bytes,
        ),
        counted.get("flops"),
        counted.get("bytes accessed"),
        text.count(f'custom_call_target="{KERNEL}"'),
    )
