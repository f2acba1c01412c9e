"""Layers in forms that a step does not take, timed beside those that it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax.apply import Stage, apply_stage
from alexnet_jax.bench.layer_counts import counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds
from alexnet_jax.bench.work import Work
from alexnet_jax.config import Placed
from alexnet_jax.layers import LRN, Conv, MapNorm
from alexnet_jax.ops.fold import folded_convolution


def alternatives(work: Work, stage: Stage, params: Any, first: bool) -> Iterator[Timing]:
    """Of a stage: a convolution with a stride folded (`ops.fold`); a normalization alone, which
    tells what a kernel of our own could gain over XLA's."""
    for placed in stage:
        match placed.layer:
            case Conv(stride=stride) if stride > 1:
                yield _folded(work, placed, params, first)
            case LRN() | MapNorm():
                yield _alone(work, placed)


def _folded(work: Work, placed: Placed, params: Any, first: bool) -> Timing:
    """A convolution with stride as one without over squares of pixels."""
    name, layer = placed.layer.name, placed.layer
    if not isinstance(layer, Conv):
        raise TypeError(f"{name} is no convolution")
    stride, padding = layer.stride, layer.padding

    def alone(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        y = folded_convolution(x, kernel, stride=stride, padding=padding)
        return y + bias.reshape((1, 1, 1, -1))

    times = layer_seconds(work, alone, {name: params[name]}, placed, placed.input, first)
    both = counts(placed, work.batch, jnp.dtype(work.dtype).itemsize, first)
    return Timing(f"{name} folded", times[0], both[0], times[1], both[1], alternative=True)


def _alone(work: Work, placed: Placed) -> Timing:
    def alone(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        return apply_stage(work.architecture, (placed,), params, x)

    times = layer_seconds(work, alone, {}, placed, placed.input, False)
    both = counts(placed, work.batch, jnp.dtype(work.dtype).itemsize, False)
    return Timing(placed.layer.name, times[0], both[0], times[1], both[1], alternative=True)
