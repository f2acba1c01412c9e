"""The network as a sequence of steps: the operations of each layer, in the order of the paper.

A step is a function (context, x) -> x. `program` yields the steps of a table of layers, `plan`
arranges them in time and memory without changing a value, and `forward` runs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import (
    LRN,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Layer,
    Local,
    MapNorm,
    MaxPool,
    Pool,
    Weighted,
)
from alexnet_jax.network.operations import Operations
from alexnet_jax.network.shapes import Placed
from alexnet_jax.network.towers import Towers

Params = Mapping[str, Mapping[str, jax.Array]]
Rectify = Callable[[jax.Array], jax.Array]
Kind = Literal["gather", "halo", "linear", "norm", "pool", "dropout", "activation"]


@dataclass(frozen=True)
class Context:
    """Inputs of a forward pass that its steps share, besides the maps.

    Attributes:
      params: {"conv1": {"kernel", "bias"}, ..., "fc8": ...} in the dtype of the maps.
      towers: communication between the devices.
      keys: [B] random keys, one for each example, in training; None in testing.
      rectify: max(x, 0), possibly with another derivative.
      ops: operations of the layers.
    """

    params: Params
    towers: Towers
    keys: jax.Array | None
    rectify: Rectify
    ops: Operations


@dataclass(frozen=True)
class Step:
    """One operation of a layer on maps [B, H, W, C] or units [B, C].

    Attributes:
      placed: the layer, with its shapes.
      kind: kind of operation; "linear" is a convolution or fully connected layer before its
        activation, net = b + W I.
      compute: function from (context, x) to the result.
      norm: constants of a normalization over maps, for kernels that compute several steps.
    """

    placed: Placed
    kind: Kind
    compute: Callable[[Context, jax.Array], jax.Array]
    norm: ops.Norm | None = None

    def __call__(self, context: Context, x: jax.Array) -> jax.Array:
        with jax.named_scope(self.placed.layer.name):
            return self.compute(context, x)


def program(architecture: Architecture) -> Iterator[Step]:
    """Yield the steps of a network, in the order of its table.

    Two kinds of steps exchange maps between the towers; nothing else crosses. A "gather" comes
    before each layer that reads all maps (in the paper conv3, fc6, fc7 and fc8) and fetches those
    of the other tower. A "halo" comes before each normalization across towers and fetches the n//2
    neighbouring maps at the seam.
    """
    for index, placed in enumerate(architecture.placed()):
        layer = placed.layer
        match layer:
            case Conv() | Local() | Dense():
                if index > 0 and reads_all_maps(layer):
                    yield Step(placed, "gather", partial(_gather, layer.name))
                yield Step(placed, "linear", partial(_apply_weights, placed))
            case LRN(within_tower=True):
                width = placed.output[-1] // architecture.towers
                compute = partial(_normalize_within_tower, layer, width)
                yield Step(placed, "norm", compute, _constants(layer, width))
            case LRN():
                yield Step(placed, "halo", partial(_halo, layer.n // 2))
                yield Step(placed, "norm", partial(_normalize, layer), _constants(layer))
            case MapNorm():
                yield Step(placed, "norm", partial(_normalize_within_maps, layer))
            case MaxPool():
                yield Step(placed, "pool", partial(_pool, layer))
            case AveragePool():
                yield Step(placed, "pool", partial(_average, layer))
            case Dropout():
                yield Step(placed, "dropout", partial(_dropout, placed, index))
        if isinstance(layer, Weighted | Pool) and layer.activation != "linear":
            yield Step(placed, "activation", partial(_activate, layer))


def reads_all_maps(layer: Layer) -> bool:
    """Whether a layer reads the maps of both towers."""
    return isinstance(layer, Local | Dense) or (isinstance(layer, Conv) and layer.groups == 1)


def draw_mask(keys: jax.Array, index: int, keep: float, shape: tuple[int, ...]) -> jax.Array:
    """Draw a mask z ~ Bernoulli(keep) for a whole layer, for each example from its own key.

    Args:
      keys: [B] random keys.
      index: the layer's index in the table, so that layers draw different masks.
      shape: shape of the layer's output for one image.

    Returns:
      [B, *shape] boolean.
    """

    def draw(key: jax.Array) -> jax.Array:
        # Always in float32, so that float64 runs draw the same masks.
        return jax.random.uniform(jax.random.fold_in(key, index), shape, jnp.float32) < keep

    return jax.vmap(draw)(keys)


def _gather(name: str, context: Context, x: jax.Array) -> jax.Array:
    return context.towers.gather(x, name)


def _halo(width: int, context: Context, x: jax.Array) -> jax.Array:
    return context.towers.halo(x, width)


def _apply_weights(placed: Placed, context: Context, x: jax.Array) -> jax.Array:
    """Compute net = b + W I of a convolution or fully connected layer, before its activation.

    Without a bias among the parameters, W I.
    """
    layer, weights = placed.layer, context.params[placed.layer.name]
    bias = weights.get("bias")
    if isinstance(layer, Conv | Local):
        stride, padding = layer.stride, layer.padding
        x = _pad_overhang(placed, x, kernel=layer.kernel, stride=stride, padding=padding)
        shared = isinstance(layer, Conv)
        apply = context.ops.conv2d if shared else context.ops.locally_connected
        return apply(x, weights["kernel"], bias, stride=stride, padding=padding)
    flat = x.reshape((x.shape[0], math.prod(x.shape[1:])))  # also without images
    return context.ops.dense(flat, weights["kernel"], bias)


def _normalize(layer: LRN, context: Context, x: jax.Array) -> jax.Array:
    """Normalize maps that have a halo, and remove the halo."""
    y = context.ops.local_response_norm(x, n=layer.n, k=layer.k, alpha=layer.alpha, beta=layer.beta)
    return context.towers.trim(y, layer.n // 2)


def _constants(layer: LRN, width: int | None = None) -> ops.Norm:
    return ops.Norm(layer.n, layer.k, layer.alpha, layer.beta, width)


def _normalize_within_tower(layer: LRN, width: int, context: Context, x: jax.Array) -> jax.Array:
    """Normalize the `width` maps of each tower on this device on their own."""
    blocks = x.reshape((*x.shape[:-1], x.shape[-1] // width, width))
    y = context.ops.local_response_norm(
        blocks, n=layer.n, k=layer.k, alpha=layer.alpha, beta=layer.beta
    )
    return y.reshape(x.shape)


def _normalize_within_maps(layer: MapNorm, context: Context, x: jax.Array) -> jax.Array:
    return context.ops.map_response_norm(
        x, size=layer.size, k=layer.k, alpha=layer.alpha, beta=layer.beta
    )


def _pool(layer: MaxPool, context: Context, x: jax.Array) -> jax.Array:
    return context.ops.max_pool(x, size=layer.size, stride=layer.stride, overhang=layer.overhang)


def _average(layer: AveragePool, context: Context, x: jax.Array) -> jax.Array:
    return context.ops.average_pool(
        x, size=layer.size, stride=layer.stride, overhang=layer.overhang
    )


def _dropout(placed: Placed, index: int, context: Context, x: jax.Array) -> jax.Array:
    """Multiply by a mask in training and by `keep` in testing.

    The mask is drawn for the whole layer, and each device applies its share. If inverted, training
    also divides by `keep`, and testing changes nothing.
    """
    layer, mask = placed.layer, None
    assert isinstance(layer, Dropout)
    if context.keys is not None:
        drawn = draw_mask(context.keys, index, layer.keep, placed.output)
        mask = context.towers.part(drawn, x.shape)
    if layer.inverted:
        return x if mask is None else context.ops.dropout(x, mask, keep=layer.keep) / layer.keep
    return context.ops.dropout(x, mask, keep=layer.keep)


def _activate(layer: Weighted | Pool, context: Context, x: jax.Array) -> jax.Array:
    return jnp.tanh(x) if layer.activation == "tanh" else context.rectify(x)


def _pad_overhang(
    placed: Placed, x: jax.Array, *, kernel: int, stride: int, padding: int
) -> jax.Array:
    """Append the rows and columns of zeros that the last windows read beyond x, if any."""
    rows, columns = (
        max(0, (outputs - 1) * stride + kernel - side - 2 * padding)
        for outputs, side in zip(placed.output[:2], placed.input[:2], strict=True)
    )
    if not rows and not columns:
        return x
    return jnp.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)))
