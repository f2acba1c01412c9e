"""The network: one forward function over a table of layers, and a thin flax.linen shell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from alexnet_jax import ops, presets
from alexnet_jax.config import Architecture, Placed
from alexnet_jax.layers import LRN, Conv, Dense, Dropout, Layer, MapNorm, MaxPool
from alexnet_jax.towers import ONE_DEVICE, Towers

Params = Mapping[str, Mapping[str, jax.Array]]


def forward(
    architecture: Architecture,
    params: Params,
    images: jax.Array,
    towers: Towers = ONE_DEVICE,
    *,
    keys: jax.Array | None = None,
    capture: dict[str, jax.Array] | None = None,
    rectify: Callable[[jax.Array], jax.Array] = nn.relu,
) -> jax.Array:
    """Logits of a batch of images.

    Args:
      architecture: the table of layers.
      params: {"conv1": {"kernel", "bias"}, ..., "fc8": ...}, in the images' dtype; whole layers,
        or one tower's slice of every last axis where `towers` says so.
      images: [B, H, W, C] floating, H = W = architecture.image_size, already normalized.
      towers: what crosses between devices; by default one device holds all.
      keys: [B] random keys, one an example (of all devices, where dense layers gather them):
        training, with dropout masks drawn from them for the whole layer. None: testing, where
        dropout multiplies by `keep`.
      capture: filled with the output of every named layer (of the maps held here), the last one
        as "logits".
      rectify: max(x, 0), perhaps with another derivative (`look.attribution`).

    Returns:
      [B, classes] logits in the images' dtype.

    Raises:
      TypeError: images that are not floating. ValueError: images of another shape.
    """
    check_images(architecture, images)
    x = images
    for index, placed in enumerate(architecture.placed()):
        layer = placed.layer
        with jax.named_scope(layer.name):
            if index > 0 and reads_all_maps(layer):
                x = towers.gather(x, layer.name)
            mask = None
            if keys is not None and isinstance(layer, Dropout):
                mask = towers.part(_mask(keys, index, layer.keep, placed.output), x.shape)
            x = apply_layer(architecture, placed, params, x, towers, mask, rectify)
        if capture is not None and layer is not architecture.layers[-1]:
            capture[layer.name] = x
    with jax.named_scope("logits"):
        logits = towers.gather(x, "logits")
    if capture is not None:
        capture["logits"] = logits
    return logits


def reads_all_maps(layer: Layer) -> bool:
    """Whether a layer reads the maps of both towers."""
    return isinstance(layer, Dense) or (isinstance(layer, Conv) and layer.groups == 1)


def _mask(keys: jax.Array, index: int, keep: float, shape: tuple[int, ...]) -> jax.Array:
    """[B, ...] Bernoulli(keep) draws for the whole layer, each example from its own key."""

    def draw(key: jax.Array) -> jax.Array:
        # In float32 whatever is computed in, so that float64 runs draw the same masks.
        return jax.random.uniform(jax.random.fold_in(key, index), shape, jnp.float32) < keep

    return jax.vmap(draw)(keys)


def apply_layer(
    architecture: Architecture,
    placed: Placed,
    params: Params,
    x: jax.Array,
    towers: Towers = ONE_DEVICE,
    mask: jax.Array | None = None,
    rectify: Callable[[jax.Array], jax.Array] = nn.relu,
) -> jax.Array:
    """One layer of the table on [B, *placed.input], its activation included; a dropout layer with
    its mask in training, without in testing."""
    return _activate(placed.layer, _linear(architecture, placed, params, x, towers, mask), rectify)


def _linear(
    architecture: Architecture,
    placed: Placed,
    params: Params,
    x: jax.Array,
    towers: Towers,
    mask: jax.Array | None,
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
            return _normalize(layer, placed.output[-1] // architecture.towers, x, towers)
        case MapNorm(size=size, k=k, alpha=alpha, beta=beta):
            return ops.map_response_norm(x, size=size, k=k, alpha=alpha, beta=beta)
        case MaxPool(size=size, stride=stride):
            x = _overhang(placed, x, kernel=size, stride=stride, value=-jnp.inf)
            return ops.max_pool(x, size=size, stride=stride)
        case Dropout(keep=keep, inverted=True):
            return x if mask is None else ops.dropout(x, mask, keep=keep) / keep
        case Dropout(keep=keep):
            return ops.dropout(x, mask, keep=keep)
    raise TypeError(f"unknown layer {layer!r}")


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


def _normalize(layer: LRN, maps_of_tower: int, x: jax.Array, towers: Towers) -> jax.Array:
    norm = partial(
        ops.local_response_norm, n=layer.n, k=layer.k, alpha=layer.alpha, beta=layer.beta
    )
    if layer.within_tower:
        # As many towers as are held here, each on its own.
        blocks = x.reshape((*x.shape[:-1], -1, maps_of_tower))
        return norm(blocks).reshape(x.shape)
    around = towers.halo(x, layer.n // 2)
    margin = (around.shape[-1] - x.shape[-1]) // 2
    y = norm(around)
    return jax.lax.slice_in_dim(y, margin, margin + x.shape[-1], axis=-1)


def _activate(layer: Layer, x: jax.Array, rectify: Callable[[jax.Array], jax.Array]) -> jax.Array:
    match layer:
        case Conv(activation=word) | Dense(activation=word) | MaxPool(activation=word):
            return {"relu": rectify, "tanh": jnp.tanh, "linear": lambda same: same}[word](x)
    return x


def check_images(architecture: Architecture, images: jax.Array) -> None:
    """Raises unless images are floating and [B, H, W, C] as the architecture wants them."""
    side, channels = architecture.image_size, architecture.channels
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(
            f"images must be floating point, normalized as in training; got {images.dtype}"
        )
    if images.ndim != 4 or images.shape[1:] != (side, side, channels):
        raise ValueError(
            f"images must have shape [B, {side}, {side}, {channels}] for {architecture.name}, "
            f"got {images.shape}"
        )


def init(architecture: Architecture, key: jax.Array, dtype: Any = jnp.float32) -> dict[str, Any]:
    """Initial parameters {"conv1": {"kernel", "bias"}, ...} by the architecture's rules.

    The same values as `AlexNet(architecture).init(key, images)["params"]` under jit, without the
    forward pass. Call it under `jax.jit`, with `out_shardings` where there are several devices.
    """
    module = AlexNet(architecture, dtype)
    return module.init(key, method=AlexNet.parameters)["params"]


def activations(
    architecture: Architecture, params: Params, images: jax.Array
) -> dict[str, jax.Array]:
    """Output of every named layer in test mode: conv1 (after ReLU), lrn1, pool1, ..., fc7, logits.

    Args and errors as `forward`; in order of computation, [B, H, W, maps] or [B, units].
    """
    capture: dict[str, jax.Array] = {}
    forward(architecture, params, images, capture=capture)
    return capture


class AlexNet(nn.Module):
    """The network as a flax.linen module: names, shapes and initial values over `forward`.

        net = AlexNet()
        variables = net.init(key, images)     # {"params": {"conv1": {"kernel", "bias"}, ...}}
        logits = net.apply(variables, images)                                   # testing
        logits = net.apply(variables, images, train=True, rngs={"dropout": key})   # training

    Attributes:
      architecture: the table of layers; by default the paper's network.
      dtype: of the parameters; images must have the same.
    """

    architecture: Architecture = presets.architecture()
    dtype: Any = jnp.float32

    def setup(self) -> None:
        self._parameters = {
            placed.layer.name: self.param(placed.layer.name, partial(_initial, placed, self.dtype))
            for placed in self.architecture.placed()
            if placed.kernel is not None
        }

    def parameters(self) -> Params:
        return self._parameters

    def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
        check_images(self.architecture, images)
        keys = jax.random.split(self.make_rng("dropout"), images.shape[0]) if train else None
        return forward(self.architecture, self._parameters, images, keys=keys)


def _initial(placed: Placed, dtype: Any, key: jax.Array) -> dict[str, jax.Array]:
    layer, shape = placed.layer, placed.kernel
    if shape is None or not isinstance(layer, Conv | Dense):
        raise TypeError(f"{layer.name} has no parameters")
    fan_in = math.prod(shape[:-1])
    if layer.init == "torch":
        kernel_key, bias_key = jax.random.split(key)
        bound = 1 / math.sqrt(fan_in)
        return {
            "kernel": jax.random.uniform(kernel_key, shape, dtype, -bound, bound),
            "bias": jax.random.uniform(bias_key, shape[-1:], dtype, -bound, bound),
        }
    std = math.sqrt(2 / fan_in) if layer.std is None else layer.std
    return {
        "kernel": jnp.asarray(std, dtype) * jax.random.normal(key, shape, dtype),
        "bias": jnp.full(shape[-1:], layer.bias, dtype),
    }
