"""The layers of a network's table, applied: alone, or those together that work image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from alexnet_jax import ops
from alexnet_jax.config import Architecture, Placed
from alexnet_jax.layers import LRN, Conv, Dense, Dropout, Layer, MapNorm, MaxPool
from alexnet_jax.towers import ONE_DEVICE, Towers

Params = Mapping[str, Mapping[str, jax.Array]]
Rectify = Callable[[jax.Array], jax.Array]
Stage = tuple[Placed, ...]


def stages(placed: Iterable[Placed]) -> Iterator[tuple[int, Stage]]:
    """The table in pieces for `apply_stage`, each with the place of its first layer: a convolution
    with the normalization and the pooling behind it, or a layer alone."""
    placed, index = tuple(placed), 0
    while index < len(placed):
        match [each.layer for each in placed[index : index + 3]]:
            case [Conv(), LRN(), MaxPool()]:
                count = 3
            case _:
                count = 1
        yield index, placed[index : index + count]
        index += count


def apply_stage(
    architecture: Architecture,
    stage: Stage,
    params: Params,
    x: jax.Array,
    towers: Towers = ONE_DEVICE,
    mask: jax.Array | None = None,
    rectify: Rectify = nn.relu,
) -> jax.Array:
    """One of `stages` on [B, *stage[0].input], activations included; a dropout layer with its mask
    in training, without in testing."""
    with jax.named_scope(stage[0].layer.name):
        x = linear(architecture, stage[0], params, x, towers, mask)
    return within_images(architecture, stage, x, towers, rectify)


def within_images(
    architecture: Architecture,
    stage: Stage,
    x: jax.Array,
    towers: Towers = ONE_DEVICE,
    rectify: Rectify = nn.relu,
) -> jax.Array:
    """What follows the sums of a stage's first layer: its activation, and perhaps normalization and
    pooling. These are one function of an image, whose gradient a CPU makes in its caches."""
    first, *others = stage
    if not others:
        with jax.named_scope(first.layer.name):
            return _activate(first.layer, x, rectify)
    norm, pool = others
    held = x.shape[-1]
    with jax.named_scope(norm.layer.name):
        # Before the activation, which leaves zeros zeros: those that stand beyond the ends.
        around = towers.halo(x, _margin(norm.layer))

    def rest(around: jax.Array) -> jax.Array:
        with jax.named_scope(norm.layer.name):
            y = _activate(first.layer, around, rectify)
            y = _normalize(norm, architecture.towers, y, held)
        with jax.named_scope(pool.layer.name):
            return _activate(pool.layer, _max_pool(pool, y), rectify)

    return ops.rematerialized(rest, around)


def reads_all_maps(layer: Layer) -> bool:
    """Whether a layer reads the maps of both towers."""
    return isinstance(layer, Dense) or (isinstance(layer, Conv) and layer.groups == 1)


def draw_mask(keys: jax.Array, index: int, keep: float, shape: tuple[int, ...]) -> jax.Array:
    """[B, ...] Bernoulli(keep) draws for the whole layer, each example from its own key."""

    def draw(key: jax.Array) -> jax.Array:
        # In float32 whatever is computed in, so that float64 runs draw the same masks.
        return jax.random.uniform(jax.random.fold_in(key, index), shape, jnp.float32) < keep

    return jax.vmap(draw)(keys)


def linear(
    architecture: Architecture,
    placed: Placed,
    params: Params,
    x: jax.Array,
    towers: Towers = ONE_DEVICE,
    mask: jax.Array | None = None,
) -> jax.Array:
    """A layer without its activation."""
    match layer := placed.layer:
        case Conv(name=name, stride=stride, padding=padding):
            weights = params[name]
            x = _overhang(placed, x, kernel=layer.kernel, stride=stride, padding=padding)
            return ops.conv2d(x, weights["kernel"], weights["bias"], stride=stride, padding=padding)
        case Dense(name=name):
            x = x.reshape((x.shape[0], -1))
            return ops.dense(x, params[name]["kernel"], params[name]["bias"])
        case LRN():
            return _normalize(
                placed, architecture.towers, towers.halo(x, _margin(layer)), x.shape[-1]
            )
        case MapNorm(size=size, k=k, alpha=alpha, beta=beta):
            return ops.map_response_norm(x, size=size, k=k, alpha=alpha, beta=beta)
        case MaxPool():
            return _max_pool(placed, x)
        case Dropout(keep=keep, inverted=True):
            return x if mask is None else ops.dropout(x, mask, keep=keep) / keep
        case Dropout(keep=keep):
            return ops.dropout(x, mask, keep=keep)
    raise TypeError(f"unknown layer {layer!r}")


def _margin(layer: Layer) -> int:
    """Maps beyond its tower's that a normalization reads, on either side."""
    return layer.n // 2 if isinstance(layer, LRN) and not layer.within_tower else 0


def _normalize(placed: Placed, towers: int, around: jax.Array, held: int) -> jax.Array:
    """The `held` maps in the middle of `around`, where there are more, normalized."""
    layer = placed.layer
    if not isinstance(layer, LRN):
        raise TypeError(f"{layer.name} does not normalize over maps")
    norm = partial(
        ops.local_response_norm, n=layer.n, k=layer.k, alpha=layer.alpha, beta=layer.beta
    )
    if layer.within_tower:
        # As many towers as are held here, each on its own.
        blocks = around.reshape((*around.shape[:-1], -1, placed.output[-1] // towers))
        return norm(blocks).reshape(around.shape)
    first = (around.shape[-1] - held) // 2
    return jax.lax.slice_in_dim(norm(around), first, first + held, axis=-1)


def _max_pool(placed: Placed, x: jax.Array) -> jax.Array:
    layer = placed.layer
    if not isinstance(layer, MaxPool):
        raise TypeError(f"{layer.name} does not pool")
    x = _overhang(placed, x, kernel=layer.size, stride=layer.stride, value=-jnp.inf)
    return ops.max_pool(x, size=layer.size, stride=layer.stride)


def _overhang(
    placed: Placed, x: jax.Array, *, kernel: int, stride: int, padding: int = 0, value: float = 0.0
) -> jax.Array:
    """x with rows and columns of `value` at the bottom and right that its last windows reach."""
    reach = (placed.output[0] - 1) * stride + kernel
    missing = max(0, reach - placed.input[0] - 2 * padding)
    if not missing:
        return x
    edges = ((0, 0), (0, missing), (0, missing), (0, 0))
    return jnp.pad(x, edges, constant_values=value)


def _activate(layer: Layer, x: jax.Array, rectify: Rectify) -> jax.Array:
    match layer:
        case Conv(activation=word) | Dense(activation=word) | MaxPool(activation=word):
            return {"relu": rectify, "tanh": jnp.tanh, "linear": lambda same: same}[word](x)
    return x
