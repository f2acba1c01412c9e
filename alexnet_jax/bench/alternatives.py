"""Timings of alternative forms of layers, which the training step does not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax import ops
from alexnet_jax.bench.layer_counts import counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds
from alexnet_jax.bench.parts import Part
from alexnet_jax.bench.work import Work
from alexnet_jax.network import ONE_DEVICE, Context, Conv, Placed, Recomputed, Step
from alexnet_jax.ops.cpu import folded_convolution


def alternatives(work: Work, part: Part, params: Any, first: bool) -> Iterator[Timing]:
    """Time the alternatives of a part.

    These are a strided convolution in folded form (`ops.cpu.space_to_depth`), and a normalization
    on its own, which shows what a hand-written kernel could gain over XLA's.
    """
    if isinstance(part.placed.layer, Conv) and part.placed.layer.stride > 1 and not part.tail:
        yield _folded(work, part.placed, params, first)
    for group in part.steps:
        for step in group.steps if isinstance(group, Recomputed) else (group,):
            if step.kind == "norm":
                yield _norm_alone(work, step)


def _folded(work: Work, placed: Placed, params: Any, first: bool) -> Timing:
    """Time a strided convolution as a convolution of stride 1 over squares of pixels."""
    name, layer = placed.layer.name, placed.layer
    if not isinstance(layer, Conv):
        raise TypeError(f"{name} is no convolution")
    stride, padding = layer.stride, layer.padding

    def convolve(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        y = folded_convolution(x, kernel, stride=stride, padding=padding)
        return y + bias.reshape((1, 1, 1, -1))

    times = layer_seconds(work, convolve, {name: params[name]}, placed, first)
    both = counts(placed, work.batch, jnp.dtype(work.dtype).itemsize, first)
    return Timing(f"{name} folded", times[0], both[0], times[1], both[1], alternative=True)


def _norm_alone(work: Work, step: Step) -> Timing:
    """Time a normalization without the layers that the step combines it with."""
    context = Context({}, ONE_DEVICE, None, jax.nn.relu, ops)

    def normalize(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        return step(context, x)

    times = layer_seconds(work, normalize, {}, step.placed, False)
    both = counts(step.placed, work.batch, jnp.dtype(work.dtype).itemsize, False)
    return Timing(step.placed.layer.name, times[0], both[0], times[1], both[1], alternative=True)
