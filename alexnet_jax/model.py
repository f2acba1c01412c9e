"""The network: one forward function over a table of layers, and a thin flax.linen shell."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from alexnet_jax import ops, presets
from alexnet_jax.apply import (
    Params,
    Pieces,
    apply_stage,
    draw_mask,
    reads_all_maps,
    runs_and_head,
    stages,
)
from alexnet_jax.config import Architecture, Placed
from alexnet_jax.layers import Conv, Dense, Dropout
from alexnet_jax.towers import ONE_DEVICE, Towers


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
    placed = tuple(architecture.placed())

    def through(pieces: Pieces, params: Params, x: jax.Array) -> jax.Array:
        for index, stage in pieces:
            layer = stage[0].layer
            with jax.named_scope(layer.name):
                if index > 0 and reads_all_maps(layer):
                    x = towers.gather(x, layer.name)
                mask = None
                if keys is not None and isinstance(layer, Dropout):
                    mask = towers.part(draw_mask(keys, index, layer.keep, stage[0].output), x.shape)
            x = apply_stage(architecture, stage, params, x, towers, mask, rectify)
            if capture is not None and layer is not architecture.layers[-1]:
                capture[layer.name] = x
        return x

    # What is captured is looked at layer by layer, and towers exchange whole batches.
    alone = ((index, (each,)) for index, each in enumerate(placed))
    head: Pieces = tuple(stages(placed) if capture is None else alone)
    runs: tuple[Pieces, ...] = ()
    if capture is None and towers is ONE_DEVICE:
        runs, head = runs_and_head(head)
    x = images
    for run in runs:
        held = {each.layer.name for _, stage in run for each in stage}
        x = ops.streamed(
            partial(through, run), {name: params[name] for name in held & params.keys()}, x
        )
    x = through(head, params, x)
    with jax.named_scope("logits"):
        logits = towers.gather(x, "logits")
    if capture is not None:
        capture["logits"] = logits
    return logits


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
