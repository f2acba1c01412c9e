"""Arrangement of a network's steps in time and memory, which changes no value.

The order of the paper is changed in three ways:
- Halos are exchanged before the activation instead of after it. Activation, normalization and
  pooling then follow each other without communication, as one function of each image alone.
- Steps that cost little are recomputed in the backward pass; only their input is stored.
- In inference on a CPU the convolutional layers process a few images at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import jax

from alexnet_jax import ops
from alexnet_jax.network.layers import Conv, Dense, Dropout, Local
from alexnet_jax.network.shapes import Placed
from alexnet_jax.network.steps import Context, Params, Step
from alexnet_jax.network.tails import Together, find_tail, run_tail
from alexnet_jax.network.towers import ONE_DEVICE

# Least number of values in large maps of an image; conv1 of `paper` has 290,400.
_LARGE = 100_000
# Images at a time of networks with small maps. A larger batch as a whole would need more memory
# than the C library keeps from call to call: inference of 512 images of `small` takes 88 us an
# image, of 128 images 52 (two cores of an AMD EPYC).
_SMALL_IMAGES = 128


@dataclass(frozen=True)
class Recomputed:
    """Steps on each image alone, which the backward pass recomputes from their stored input."""

    steps: tuple[Step, ...]

    @property
    def placed(self) -> Placed:
        return self.steps[0].placed

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        return ops.rematerialized(partial(run_tail, self.steps, context), x)


@dataclass(frozen=True)
class Streamed:
    """Steps on each image alone, which a CPU runs for `images` at a time in inference."""

    steps: tuple[Whole, ...]
    images: int

    @property
    def placed(self) -> Placed:
        return self.steps[0].placed

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        names = {step.placed.layer.name for step in self.steps} & context.params.keys()

        def run_steps(params: Params, x: jax.Array) -> jax.Array:
            return run(self.steps, replace(context, params=params), x)

        if isinstance(x.shape[0], int) and x.shape[0] <= self.images:
            return run_steps(context.params, x)
        params = {name: context.params[name] for name in names}
        return ops.streamed(run_steps, params, x, images=self.images)


Whole = Step | Recomputed | Together
Planned = Whole | Streamed


def run(steps: Iterable[Planned], context: Context, x: jax.Array) -> jax.Array:
    """Apply the steps to x one after the other, and return the result."""
    for step in steps:
        x = step(context, x)
    return x


def plan(steps: Iterable[Step]) -> tuple[Step | Recomputed, ...]:
    """Arrange steps in the order and the form in which every topology runs them."""
    return tuple(recompute(exchange_early(steps)))


def exchange_early(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Move each halo before the activation that it follows.

    No value changes: the activation is computed map by map, and the zeros that a halo adds at the
    ends of a layer remain zeros.
    """
    early: list[Step] = []
    for step in steps:
        position = len(early)
        if step.kind == "halo" and early and early[-1].kind == "activation":
            position -= 1
        early.insert(position, step)
    return tuple(early)


def recompute(steps: Iterable[Step]) -> Iterator[Step | Recomputed]:
    """Yield the steps, with those that cost little grouped as `Recomputed`.

    A group consists of the activation, normalization and pooling that follow a convolution's sums.
    Without a normalization it is not worth recomputing, and its steps stay single. A halo stays
    single, too, and splits its group in two.
    """
    tail: list[Step] = []
    after_convolution = False
    for step in steps:
        if after_convolution and step.kind in ("halo", "activation", "norm", "pool"):
            tail.append(step)
            continue
        yield from _group(tail)
        tail = []
        after_convolution = step.kind == "linear" and isinstance(step.placed.layer, Conv | Local)
        yield step
    yield from _group(tail)


def _group(tail: list[Step]) -> Iterator[Step | Recomputed]:
    """Group the steps after a convolution's sums, if there is a normalization among them."""
    if not any(step.kind == "norm" for step in tail):
        yield from tail
        return
    for is_halo, part in itertools.groupby(tail, lambda step: step.kind == "halo"):
        if is_halo:
            yield from part
        else:
            yield Recomputed(tuple(part))


def join(steps: Iterable[Step | Recomputed], context: Context) -> tuple[Whole, ...]:
    """Join convolutions with the steps behind them that a kernel computes, where there are any.

    Halos, which change nothing on one device, are left out there. On several devices a convolution
    with a halo behind it stays single.
    """
    alone = context.towers is ONE_DEVICE
    rest = [
        step for step in steps if not (alone and isinstance(step, Step) and step.kind == "halo")
    ]
    joined: list[Whole] = []
    while rest:
        step: Whole = rest.pop(0)
        tail, count = _tail_of(rest)
        if isinstance(step, Step) and _convolves(step) and find_tail(tail, context) is not None:
            step = Together(step, tail)
            del rest[:count]
        joined.append(step)
    return tuple(joined)


def _convolves(step: Step) -> bool:
    return step.kind == "linear" and isinstance(step.placed.layer, Conv)


def _tail_of(rest: list[Step | Recomputed]) -> tuple[tuple[Step, ...], int]:
    """Return the activation, normalization and pooling that come next, and of how many items."""
    if rest and isinstance(rest[0], Recomputed):
        return rest[0].steps, 1
    tail: list[Step] = []
    for step in rest:
        if not isinstance(step, Step) or step.kind not in ("activation", "pool"):
            break
        tail.append(step)
    return tuple(tail), len(tail)


def stream(steps: tuple[Whole, ...]) -> tuple[Planned, ...]:
    """Group the steps before the first dense layer or dropout as two `Streamed`.

    The first holds the convolutions with large maps and the steps that follow them, the second the
    rest. If the first convolution already has small maps, all are one, for many images: a few at a
    time would not keep a CPU busy.
    """
    end = _first_index(steps, lambda placed: isinstance(placed.layer, Dense | Dropout))
    small = _first_index(
        steps, lambda placed: isinstance(placed.layer, Conv) and not _is_large(placed)
    )
    parts = [steps[:end]] if small == 0 else [steps[: min(small, end)], steps[small:end]]
    images = _SMALL_IMAGES if small == 0 else ops.FEW_IMAGES
    return (*(Streamed(part, images) for part in parts if part), *steps[end:])


def _first_index(steps: tuple[Whole, ...], matches: Callable[[Placed], bool]) -> int:
    """Return the index of the first step whose layer matches, or the number of steps."""
    return next((i for i, step in enumerate(steps) if matches(step.placed)), len(steps))


def _is_large(placed: Placed) -> bool:
    """Whether the input or the output of a layer is large."""
    return max(math.prod(placed.input), math.prod(placed.output)) >= _LARGE
