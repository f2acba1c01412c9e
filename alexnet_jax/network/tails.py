"""The steps after a convolution's sums, computed together where a kernel does so."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax

from alexnet_jax import ops
from alexnet_jax.network.layers import Conv, MaxPool
from alexnet_jax.network.steps import Context, Step


def run_tail(steps: Sequence[Step], context: Context, x: jax.Array) -> jax.Array:
    """Apply steps to x one after the other, or the first of them by `ops.pool_tail`.

    That takes a rectification, a normalization over maps and a pooling 3x3/2, the first two if
    there are any, where kernels may be used. The halo of a normalization is removed after the
    pooling, which treats each map on its own.
    """
    if ops.may_use_kernels(x) and (found := _find(steps, context)) is not None:
        tail, halo, count = found
        x, steps = context.towers.trim(ops.pool_tail(tail, x), halo), steps[count:]
    for step in steps:
        x = step(context, x)
    return x


def _find(steps: Sequence[Step], context: Context) -> tuple[ops.Tail, int, int] | None:
    """Return the tail that steps begin with, the width of its halo and its number of steps."""
    rectify, norm, halo, rest = False, None, 0, list(steps)
    layer = rest[0].placed.layer
    if isinstance(layer, Conv) and rest[0].kind == "activation":
        if layer.activation != "relu" or context.rectify is not nn.relu:
            return None
        rectify = True
        del rest[0]
    if rest and rest[0].norm is not None:
        norm = rest[0].norm
        halo = 0 if norm.width else norm.n // 2
        del rest[0]
    if not rest or not _pools_whole_windows(rest[0]):
        return None
    return ops.Tail(rectify, norm), halo, len(steps) - len(rest) + 1


def _pools_whole_windows(step: Step) -> bool:
    """Whether a step pools windows of 3 x 3, 2 apart, none of which reads beyond the maps."""
    layer, placed = step.placed.layer, step.placed
    if step.kind != "pool" or not isinstance(layer, MaxPool):
        return False
    sides = zip(placed.input[:2], placed.output[:2], strict=True)
    whole = all((side - 3) // 2 + 1 == outputs for side, outputs in sides)
    return whole and (layer.size, layer.stride) == (3, 2)
