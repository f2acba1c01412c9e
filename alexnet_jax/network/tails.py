"""Steps that kernels compute together: a convolution's bias and what follows its sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import flax.linen as nn
import jax

from alexnet_jax import ops
from alexnet_jax.network.layers import Conv, MaxPool
from alexnet_jax.network.shapes import Placed
from alexnet_jax.network.steps import Context, Step


@dataclass(frozen=True)
class Together:
    """A convolution, and steps after its sums whose first ones are a tail (`find_tail`).

    The kernel adds the bias, whose gradient it sums up on the way. XLA would do either in a pass
    of its own over the maps.
    """

    convolution: Step
    steps: tuple[Step, ...]

    @property
    def placed(self) -> Placed:
        return self.convolution.placed

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        name = self.placed.layer.name
        weights = context.params[name]
        no_bias = {key: value for key, value in weights.items() if key != "bias"}
        x = self.convolution(replace(context, params={**context.params, name: no_bias}), x)
        return run_tail(self.steps, context, x, weights["bias"])


def run_tail(
    steps: Sequence[Step], context: Context, x: jax.Array, bias: jax.Array | None = None
) -> jax.Array:
    """Apply steps to x + bias one after the other, or the first of them by `ops.pool_tail`.

    That takes a rectification, a normalization over maps and a pooling 3x3/2, the first two if
    there are any, where kernels may be used. The halo of a normalization is removed after the
    pooling, which treats each map on its own.
    """
    found = find_tail(steps, context) if ops.may_use_rows(x) else None
    if found is not None:
        tail, halo, count = found
        names = dict.fromkeys(step.placed.layer.name for step in steps[:count])
        with jax.named_scope("+".join(names)):
            x = context.towers.trim(ops.pool_tail(tail, x, bias), halo)
        steps = steps[count:]
    for step in steps:
        x = step(context, x)
    return x


def find_tail(steps: Sequence[Step], context: Context) -> tuple[ops.Tail, int, int] | None:
    """Return the tail that steps begin with, the width of its halo and its number of steps."""
    rectify, norm, halo, rest = False, None, 0, list(steps)
    layer = rest[0].placed.layer if rest else None
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
