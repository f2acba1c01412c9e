"""Steps arranged in time and memory: no value changes here.

Three things are done to the paper's order. Halos cross before the activation, so that what follows
is a function of each image alone. What costs little to compute is computed again for the gradient
instead of kept. In inference on a CPU the convolutional layers are run a few images at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import jax

from alexnet_jax import ops
from alexnet_jax.network.architecture import Placed
from alexnet_jax.network.layers import Conv, Dense, Dropout
from alexnet_jax.network.steps import Context, Params, Step

_LARGE = 100_000  # values of an image's largest maps: 290,400 in conv1 of `paper`


@dataclass(frozen=True)
class Recomputed:
    """Steps within each image, computed again in the backward pass: only their input is kept."""

    steps: tuple[Step, ...]

    @property
    def placed(self) -> Placed:
        return self.steps[0].placed

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        return ops.rematerialized(partial(run, self.steps, context), x)


@dataclass(frozen=True)
class Streamed:
    """Steps within each image, a few images at a time on a CPU where no gradient is asked for."""

    steps: tuple[Step | Recomputed, ...]

    @property
    def placed(self) -> Placed:
        return self.steps[0].placed

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        names = {step.placed.layer.name for step in self.steps} & context.params.keys()

        def few(params: Params, x: jax.Array) -> jax.Array:
            return run(self.steps, replace(context, params=params), x)

        return ops.streamed(few, {name: context.params[name] for name in names}, x)


Planned = Step | Recomputed | Streamed


def run(steps: Iterable[Planned], context: Context, x: jax.Array) -> jax.Array:
    """The steps' result, one after the other."""
    for step in steps:
        x = step(context, x)
    return x


def plan(steps: Iterable[Step]) -> tuple[Step | Recomputed, ...]:
    """The steps in the order and the form in which every topology runs them."""
    return tuple(recompute(exchange_early(steps)))


def exchange_early(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Halos before the activation that they would follow, which leaves the zeros beyond the ends
    of a layer zeros."""
    early: list[Step] = []
    for step in steps:
        place = len(early)
        if step.kind == "halo" and early and early[-1].kind == "activation":
            place -= 1
        early.insert(place, step)
    return tuple(early)


def recompute(steps: Iterable[Step]) -> Iterator[Step | Recomputed]:
    """What stands between a convolution's sums and the next layer with weights, computed again, if
    there is a normalization in it: pooling alone is not worth it. Halos stand between the parts."""
    tail: list[Step] = []
    after_convolution = False
    for step in steps:
        if after_convolution and step.kind in ("halo", "activation", "norm", "pool"):
            tail.append(step)
            continue
        yield from _recomputed(tail)
        tail = []
        after_convolution = step.kind == "linear" and isinstance(step.placed.layer, Conv)
        yield step
    yield from _recomputed(tail)


def _recomputed(tail: list[Step]) -> Iterator[Step | Recomputed]:
    if not any(step.kind == "norm" for step in tail):
        yield from tail
        return
    for is_halo, part in itertools.groupby(tail, lambda step: step.kind == "halo"):
        if is_halo:
            yield from part
        else:
            yield Recomputed(tuple(part))


def stream(steps: tuple[Step | Recomputed, ...]) -> tuple[Planned, ...]:
    """Everything before the first dense layer or dropout in two runs: the convolutions with large
    maps and what follows them, then the others.

    No runs where all maps are small: a few images at a time would not keep a CPU busy.
    """
    end = _first(steps, lambda placed: isinstance(placed.layer, Dense | Dropout))
    small = _first(steps, lambda placed: isinstance(placed.layer, Conv) and not _is_large(placed))
    if small == 0:
        return steps
    runs = (steps[: min(small, end)], steps[small:end])
    return (*(Streamed(run) for run in runs if run), *steps[end:])


def _first(steps: tuple[Step | Recomputed, ...], is_it: Callable[[Placed], bool]) -> int:
    """The place of the first step whose layer is such a one; their number where none is."""
    return next((i for i, step in enumerate(steps) if is_it(step.placed)), len(steps))


def _is_large(placed: Placed) -> bool:
    return max(math.prod(placed.input), math.prod(placed.output)) >= _LARGE
