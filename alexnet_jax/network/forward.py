"""Forward pass: a pure function of an architecture, its parameters and images."""

from __future__ import annotations

from collections.abc import Iterable

import flax.linen as nn
import jax
import jax.numpy as jnp

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.explicit import on_explicit_axes
from alexnet_jax.network.operations import FAST, PLAIN
from alexnet_jax.network.plan import Planned, plan, stream
from alexnet_jax.network.steps import Context, Params, Rectify, program
from alexnet_jax.network.towers import ONE_DEVICE, Towers

Inputs = tuple[jax.Array, jax.Array | None]  # images and keys


def forward(
    architecture: Architecture,
    params: Params,
    images: jax.Array,
    towers: Towers = ONE_DEVICE,
    *,
    keys: jax.Array | None = None,
    capture: dict[str, jax.Array] | None = None,
    rectify: Rectify = nn.relu,
    plain: bool = False,
) -> jax.Array:
    """Compute the logits of a batch of images.

    For forward-mode derivatives (`jax.jvp`, `jax.jacfwd`, `jax.linearize`, `jax.hessian`) take
    `plain=True`. Otherwise the layers have hand-written backward passes, which JAX differentiates
    in reverse mode alone, to any order.

    On a mesh of the caller's own, with explicit or automatic axes, images may be sharded over their
    first axis, parameters over their last, or both; each device then computes its share. On several
    CPU devices JAX must know of the mesh while it traces: place the arrays on it, or enter it with
    `jax.set_mesh`; if only `in_shardings` of `jax.jit` name it, XLA gathers the images.

    Args:
      architecture: table of layers.
      params: {"conv1": {"kernel", "bias"}, ..., "fc8": ...} in the images' dtype: whole layers, or
        on several devices the slice of each last axis that belongs to this device.
      images: [B, H, W, C] floating, H = W = architecture.image_size, already normalized.
      towers: communication between devices; by default the network is whole on one device.
      keys: [B] random keys, one for each example, in training: each dropout mask is drawn from them
        for the whole layer. If dense layers gather the images of all devices, the keys of all
        these images. None in testing: dropout multiplies by `keep`.
      capture: dictionary to fill with the output of every named layer (of the maps on this device),
        the last one as "logits". Steps are then computed in the order of the table, and none is
        recomputed or streamed.
      rectify: max(x, 0), possibly with another derivative (see `analysis.attribution`).
      plain: compute the layers by `ops.plain`, in the order of the table. The logits and their
        derivatives are the same to rounding, and all transformations of JAX apply; a gradient takes
        more time and memory.

    Returns:
      [B, classes] logits in the images' dtype.

    Raises:
      TypeError: images that are not floating. ValueError: images of another shape.
    """
    check_images(architecture, images)

    def compute(params: Params, inputs: Inputs) -> tuple[jax.Array, dict[str, jax.Array]]:
        images, keys = inputs
        context = Context(params, towers, keys, rectify, PLAIN if plain else FAST)
        return _run(architecture, context, images, captured=capture is not None)

    if towers is ONE_DEVICE:
        logits, captured = on_explicit_axes(compute, params, (images, keys))
    else:
        logits, captured = compute(params, (images, keys))
    if capture is not None:
        capture.update(captured)
    return logits


def _run(
    architecture: Architecture, context: Context, images: jax.Array, *, captured: bool
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Compute the logits and, if `captured`, the outputs of all named layers."""
    in_table_order = program(architecture)
    steps: Iterable[Planned] = in_table_order
    if not captured and context.ops is FAST:
        planned = plan(in_table_order)
        steps = stream(planned) if context.towers is ONE_DEVICE else planned
    outputs: dict[str, jax.Array] = {}
    x = images
    for step in steps:
        x = step(context, x)
        if captured:
            outputs[step.placed.layer.name] = x
    with jax.named_scope("logits"):
        logits = context.towers.gather(x, "logits")
    if captured:
        del outputs[architecture.layers[-1].name]
        outputs["logits"] = logits
    return logits, outputs


def check_images(architecture: Architecture, images: jax.Array) -> None:
    """Raise TypeError unless images are floating, ValueError unless they have the input's shape."""
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
    architecture: Architecture, params: Params, images: jax.Array, *, plain: bool = False
) -> dict[str, jax.Array]:
    """Return the outputs of all layers in test mode, by name in the order of computation.

    The names are conv1 (after ReLU), lrn1, pool1, ..., fc7, logits; the outputs are
    [B, H, W, maps] or [B, units]. Arguments and errors are those of `forward`.
    """
    capture: dict[str, jax.Array] = {}
    forward(architecture, params, images, capture=capture, plain=plain)
    return capture
