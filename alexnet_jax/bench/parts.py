"""The layers of a step as the parts that are timed alone, on one device, where nothing crosses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import jax

from alexnet_jax import ops
from alexnet_jax.network import (
    ONE_DEVICE,
    Architecture,
    Context,
    Conv,
    Dense,
    Dropout,
    MaxPool,
    Params,
    Placed,
    Recomputed,
    Step,
    plan,
    program,
    run,
)


@dataclass(frozen=True)
class Part:
    """Steps that are timed together: a layer with its activation, or of a convolution whose
    activation is computed again with the layers behind it ("lrn1+pool1") the sums or the rest.

    Attributes:
      name: of the layer, or of those behind the convolution.
      placed: the layer as it is timed; of several the last, with the first's input.
      tail: whether these are the layers behind a convolution's sums.
    """

    name: str
    placed: Placed
    steps: tuple[Step | Recomputed, ...]
    tail: bool

    def compute(self, params: Params, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """[B, *placed.input] to [B, *placed.output]; a dropout layer with its mask."""
        layer = self.placed.layer
        if isinstance(layer, Dropout):
            y = ops.dropout(x, mask, keep=layer.keep)
            return y / layer.keep if layer.inverted else y
        return run(self.steps, Context(params, ONE_DEVICE, None, jax.nn.relu), x)


def parts(architecture: Architecture) -> Iterator[Part]:
    """The parts of a network in the order of its table."""
    groups: list[list[Step | Recomputed]] = []
    for step in plan(program(architecture)):
        if isinstance(step, Step) and step.kind in ("gather", "halo"):
            continue
        belongs = groups and (
            (isinstance(step, Step) and step.kind == "activation")
            or (isinstance(step, Recomputed) and isinstance(groups[-1][0], Recomputed))
        )
        if belongs:
            groups[-1].append(step)
        else:
            groups.append([step])
    before: Placed | None = None
    for group in groups:
        part = _part(tuple(group), before)
        before = part.placed
        yield part


def _part(steps: tuple[Step | Recomputed, ...], before: Placed | None) -> Part:
    first = steps[0]
    if isinstance(first, Recomputed):
        inner = [step for each in steps if isinstance(each, Recomputed) for step in each.steps]
        names = dict.fromkeys(s.placed.layer.name for s in inner if s.kind != "activation")
        assert before is not None
        last = dataclasses.replace(inner[-1].placed, input=before.output)
        return Part("+".join(names), last, steps, tail=True)
    placed = first.placed
    if isinstance(placed.layer, Conv | Dense | MaxPool) and len(steps) == 1:
        layer = dataclasses.replace(placed.layer, activation="linear")
        placed = dataclasses.replace(placed, layer=layer)
    return Part(placed.layer.name, placed, steps, tail=False)
