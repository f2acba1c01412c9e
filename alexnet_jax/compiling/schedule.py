"""Instructions of a compiled program in the order in which they run, by layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from alexnet_jax.planning import Instruction, Module

Part = Literal["forward", "backward", "update"]


@dataclass(frozen=True)
class Scheduled:
    """An instruction that runs by itself, not inside a fusion.

    Attributes:
      op_name: name of the operation that it comes from.
      runs: how often it runs in a step; more than once inside a loop.
      layer: name of the layer, or "logits", "views", "rest" or "update".
      part: forward, backward, or the update of the weights.
    """

    instruction: Instruction
    op_name: str
    runs: int
    layer: str
    part: Part

    @property
    def what(self) -> str:
        """Return the operation that it computes, such as "conv_general_dilated"."""
        return self.op_name.rsplit("/", 1)[-1] or self.instruction.kind


def schedule(module: Module, layers: Sequence[str], training: bool) -> list[Scheduled]:
    """List the instructions of a program that run by themselves.

    Args:
      layers: names of the network's layers, as they stand in the names of operations.
      training: whether the program is a training step.
    """
    scheduled = []
    for instruction, runs, loop in _running(module, module.entry):
        origin = _origin(module, instruction, loop)
        scheduled.append(Scheduled(instruction, origin, runs, *place(origin, layers, training)))
    return scheduled


def _running(
    module: Module, name: str, runs: int = 1, loop: str = ""
) -> Iterator[tuple[Instruction, int, str]]:
    """Yield (instruction, runs, op_name of the loop around it), with loops and calls inside."""
    for instruction in module.of(name):
        yield instruction, runs, loop
        if instruction.kind == "while":
            trips = module.trips(instruction) or 1
            origin = instruction.op_name or loop
            yield from _running(module, instruction.called[0], runs * trips, origin)
        elif instruction.kind in ("call", "conditional"):
            for called in instruction.called:
                yield from _running(module, called, runs, loop)


def _origin(module: Module, instruction: Instruction, loop: str) -> str:
    """Return the op_name of an instruction.

    A fusion around a product has the product's, which is what takes its time; it may end in the
    first operations of the next layer. An instruction that the compiler has added has none: it
    belongs to the loop around it, to what it computes most of, or to where its operands come from.
    """
    within = [one for one in module.within(instruction) if one.op_name]
    products = [one.op_name for one in within if one.kind in ("convolution", "dot")]
    inside = Counter(one.op_name for one in within)
    sources = (source.op_name for source in module.operands(instruction))
    names = (
        *products[:1],
        instruction.op_name,
        loop,
        *(name for name, _ in inside.most_common(1)),
        *sources,
    )
    return next((name for name in names if name), "")


def place(op_name: str, layers: Sequence[str], training: bool) -> tuple[str, Part]:
    """Return the layer and the part of a step that an operation belongs to.

    Without the name of a layer, what a training step differentiates belongs to the views of the
    images, which are computed for each image (`vmap`), or to the rest: the loss, random keys, and
    the weights in the dtype of the computation. What is not differentiated is the update.
    """
    part: Part = "backward" if "transpose(" in op_name else "forward"
    words = re.split(r"[/()]", op_name)
    # Layers that are computed together have a name of names: lrn1+pool1.
    layer = next((word for word in words if set(word.split("+")) <= set(layers)), None)
    if layer is not None:
        return layer, part
    if not training:
        return "views", "forward"
    if "jvp(" not in op_name:
        return "update", "update"
    return "views" if "vmap" in words and part == "forward" else "rest", part
