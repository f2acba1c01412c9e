"""Layers of a step grouped into parts that are timed alone, on one device."""

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
    Dropout,
    Params,
    Placed,
    Pool,
    Recomputed,
    Step,
    Weighted,
    plan,
    program,
    run,
)


@dataclass(frozen=True)
class Part:
    """Steps that are timed together.

    A part is usually a layer with its activation. Where the activation of a convolution is
    recomputed together with the layers after it, the sums of the convolution are one part, and its
    activation and those layers ("lrn1+pool1") another.

    Attributes:
      name: name of the layer, or joined names of the layers after the convolution.
      placed: the timed layer; of several layers the last one, with the input of the first.
      steps: the steps of the part.
      tail: whether the part contains the layers after the sums of a convolution.
    """

    name: str
    placed: Placed
    steps: tuple[Step | Recomputed, ...]
    tail: bool

    def compute(self, params: Params, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """Map [B, *placed.input] to [B, *placed.output]; a dropout layer needs its mask."""
        layer = self.placed.layer
        if isinstance(layer, Dropout):
            y = ops.dropout(x, mask, keep=layer.keep)
            return y / layer.keep if layer.inverted else y
        return run(self.steps, Context(params, ONE_DEVICE, None, jax.nn.relu, ops), x)


def parts(architecture: Architecture) -> Iterator[Part]:
    """Yield the parts of a network in the order of its table."""
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
    previous: Placed | None = None
    for group in groups:
        part = _part(tuple(group), previous)
        previous = part.placed
        yield part


def _part(steps: tuple[Step | Recomputed, ...], previous: Placed | None) -> Part:
    """Build a part from its steps; `previous` is the layer of the part before."""
    first = steps[0]
    if isinstance(first, Recomputed):
        inner = [step for group in steps if isinstance(group, Recomputed) for step in group.steps]
        names = dict.fromkeys(s.placed.layer.name for s in inner if s.kind != "activation")
        assert previous is not None
        last = dataclasses.replace(inner[-1].placed, input=previous.output)
        return Part("+".join(names), last, steps, tail=True)
    placed = first.placed
    if isinstance(placed.layer, Weighted | Pool) and len(steps) == 1:
        layer = dataclasses.replace(placed.layer, activation="linear")
        placed = dataclasses.replace(placed, layer=layer)
    return Part(placed.layer.name, placed, steps, tail=False)
