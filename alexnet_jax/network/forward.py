"""The forward pass: a pure function of an architecture, its parameters and images."""

from __future__ import annotations

from collections.abc import Iterable

import flax.linen as nn
import jax
import jax.numpy as jnp

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.plan import Planned, plan, stream
from alexnet_jax.network.steps import Context, Params, Rectify, program
from alexnet_jax.network.towers import ONE_DEVICE, Towers


def forward(
    architecture: Architecture,
    params: Params,
    images: jax.Array,
    towers: Towers = ONE_DEVICE,
    *,
    keys: jax.Array | None = None,
    capture: dict[str, jax.Array] | None = None,
    rectify: Rectify = nn.relu,
) -> jax.Array:
    """Logits of a batch of images.

    Args:
      architecture: the table of layers.
      params: {"conv1": {"kernel", "bias"}, ..., "fc8": ...}, in the images' dtype; whole layers,
        or one tower's slice of every last axis where `towers` says so.
      images: [B, H, W, C] floating, H = W = architecture.image_size, already normalized.
      towers: what crosses between devices; by default one device holds all.
      keys: [B] random keys, one for each example (of all devices, where dense layers gather them):
        training, with dropout masks drawn from them for the whole layer. None: testing, where
        dropout multiplies by `keep`.
      capture: filled with the output of every named layer (of the maps held here), the last one
        as "logits". Nothing is then rearranged in time or memory.
      rectify: max(x, 0), perhaps with another derivative (`analysis.attribution`).

    Returns:
      [B, classes] logits in the images' dtype.

    Raises:
      TypeError: images that are not floating. ValueError: images of another shape.
    """
    check_images(architecture, images)
    context = Context(params, towers, keys, rectify)
    steps: Iterable[Planned] = program(architecture)
    if capture is None:
        planned = plan(program(architecture))
        steps = stream(planned) if towers is ONE_DEVICE else planned
    x = images
    for step in steps:
        x = step(context, x)
        if capture is not None:
            capture[step.placed.layer.name] = x
    with jax.named_scope("logits"):
        logits = towers.gather(x, "logits")
    if capture is not None:
        del capture[architecture.layers[-1].name]
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


def activations(
    architecture: Architecture, params: Params, images: jax.Array
) -> dict[str, jax.Array]:
    """Output of every named layer in test mode: conv1 (after ReLU), lrn1, pool1, ..., fc7, logits.

    Args and errors as `forward`; in order of computation, [B, H, W, maps] or [B, units].
    """
    capture: dict[str, jax.Array] = {}
    forward(architecture, params, images, capture=capture)
    return capture
