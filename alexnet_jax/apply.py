"""The layers of a network's table, applied: alone, or those together that work image by image."""

from __future__ import annotations

import itertools
import math
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
Pieces = tuple[tuple[int, Stage], ...]  # with the place of their first layer

_LARGE = 100_000  # values of an image's largest maps: 290,400 in conv1 of `paper`


def stages(placed: Iterable[Placed]) -> Iterator[tuple[int, Stage]]:
    """The table in pieces for `apply_stage`, each with the place of its first layer: a convolution
    with what normalizes and pools behind it, or a layer alone."""
    placed, index = tuple(placed), 0
    while index < len(placed):
        count = 1
        if isinstance(placed[index].layer, Conv):
            count += _count_behind([each.layer for each in placed[index + 1 :]])
        yield index, placed[index : index + count]
        index += count


def runs_and_head(pieces: Iterable[tuple[int, Stage]]) -> tuple[tuple[Pieces, ...], Pieces]:
    """The pieces up to the first dense layer or dropout, which are functions of each image alone,
    in runs to stream: those with large maps, then the others. And the pieces behind them.

    No runs where all maps are small: a few images at a time would not keep a CPU busy.
    """
    pieces = tuple(pieces)

    def count(belongs: Callable[[Placed], bool]) -> int:
        return len(tuple(itertools.takewhile(lambda piece: belongs(piece[1][0]), pieces)))

    end = count(lambda first: not isinstance(first.layer, Dense | Dropout))
    large = count(lambda first: max(map(math.prod, (first.input, first.output))) >= _LARGE)
    if not large:
        end = 0
    runs = (pieces[: min(large, end)], pieces[large:end])
    return tuple(run for run in runs if run), pieces[end:]


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
    held = x.shape[-1]

    def part(layers: Stage, y: jax.Array) -> jax.Array:
        if layers[0] is others[0]:
            with jax.named_scope(first.layer.name):
                y = _activate(first.layer, y, rectify)
        for each in layers:
            with jax.named_scope(each.layer.name):
                y = _activate(each.layer, _within(each, architecture.towers, y, held), rectify)
        return y

    # Before a normalization its neighbours' maps cross, as small as what pools before it makes
    # them; and before the activation, which leaves zeros zeros: those that stand beyond the ends.
    norm = next((i for i, each in enumerate(others) if _margin(each.layer)), 0)
    for layers in filter(None, (tuple(others[:norm]), tuple(others[norm:]))):
        with jax.named_scope(layers[0].layer.name):
            x = towers.halo(x, _margin(layers[0].layer))
        x = ops.rematerialized(partial(part, layers), x)
    return x


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
            around = towers.halo(x, _margin(layer))
            return _within(placed, architecture.towers, around, x.shape[-1])
        case MapNorm() | MaxPool():
            return _within(placed, architecture.towers, x, x.shape[-1])
        case Dropout(keep=keep, inverted=True):
            return x if mask is None else ops.dropout(x, mask, keep=keep) / keep
        case Dropout(keep=keep):
            return ops.dropout(x, mask, keep=keep)
    raise TypeError(f"unknown layer {layer!r}")


def _margin(layer: Layer) -> int:
    """Maps beyond its tower's that a normalization reads, on either side."""
    return layer.n // 2 if isinstance(layer, LRN) and not layer.within_tower else 0


def _within(placed: Placed, towers: int, around: jax.Array, held: int) -> jax.Array:
    """A layer that normalizes or pools; of a normalization over maps, the `held` in the middle of
    those around them."""
    match layer := placed.layer:
        case LRN(n=n, k=k, alpha=alpha, beta=beta):
            norm = partial(ops.local_response_norm, n=n, k=k, alpha=alpha, beta=beta)
            if layer.within_tower:
                # As many towers as are held here, each on its own.
                blocks = around.reshape((*around.shape[:-1], -1, placed.output[-1] // towers))
                return norm(blocks).reshape(around.shape)
            first = (around.shape[-1] - held) // 2
            return jax.lax.slice_in_dim(norm(around), first, first + held, axis=-1)
        case MapNorm(size=size, k=k, alpha=alpha, beta=beta):
            return ops.map_response_norm(around, size=size, k=k, alpha=alpha, beta=beta)
        case MaxPool(size=size, stride=stride):
            x = _overhang(placed, around, kernel=size, stride=stride, value=-jnp.inf)
            return ops.max_pool(x, size=size, stride=stride)
    raise TypeError(f"{layer.name} neither normalizes nor pools")


def _count_behind(layers: Iterable[Layer]) -> int:
    """How many of the layers behind a convolution are one piece with it: those that normalize or
    pool, up to a second normalization over maps, which would need its own neighbours' maps."""
    behind: list[Layer] = []
    for layer in layers:
        again = isinstance(layer, LRN) and any(isinstance(each, LRN) for each in behind)
        if again or not isinstance(layer, LRN | MapNorm | MaxPool):
            break
        behind.append(layer)
    return len(behind) if any(isinstance(each, LRN | MapNorm) for each in behind) else 0


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
