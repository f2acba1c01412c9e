"""Forward pass: a pure function of an architecture, its parameters and images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp

from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture, part_with
from alexnet_jax.network.explicit import on_explicit_axes
from alexnet_jax.network.layers import Weighted
from alexnet_jax.network.operations import FAST, PLAIN
from alexnet_jax.network.plan import Planned, join, plan, stream
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
    rectify: Rectify = jax.nn.relu,
    plain: bool = False,
) -> jax.Array:
    """Compute the logits of a batch of images, or the output of a network without a classifier.

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
        on several devices the slice of each last axis that belongs to this device. Other layers are
        ignored.
      images: [B, H, W, C] floating, of the shape `architecture.input_shape`, already normalized.
      towers: communication between devices; by default the network is whole on one device.
      keys: [B] random keys, one for each example, in training: each dropout mask is drawn from them
        for the whole layer. If dense layers gather the images of all devices, the keys of all
        these images. None in testing: dropout multiplies by `keep`.
      capture: dictionary to fill with the output of every named layer (of the maps on this device),
        the classifier's as "logits". Steps are then computed in the order of the table, and none is
        recomputed or streamed.
      rectify: max(x, 0), possibly with another derivative (see `analysis.attribution`).
      plain: compute the layers by `ops.plain`, in the order of the table. The logits and their
        derivatives are the same to rounding, and all transformations of JAX apply; a gradient takes
        more time and memory.

    Returns:
      [B, classes] logits in the images' dtype; without a classifier the last layer's output,
      [B, H, W, maps] or [B, units].

    Raises:
      TypeError: images that are not floating, or parameters of another dtype.
      ValueError: images of another shape, or no parameters of a layer.

    Example:
      >>> net = alexnet_jax.architecture("small")
      >>> params = alexnet_jax.init(net, jax.random.key(0))
      >>> alexnet_jax.forward(net, params, jnp.zeros((8, 28, 28, 1))).shape
      (8, 10)
    """
    check_images(architecture, images)
    _check_params(architecture, params, images)

    def compute(params: Params, inputs: Inputs) -> tuple[jax.Array, dict[str, jax.Array]]:
        images, keys = inputs
        context = Context(params, towers, keys, rectify, PLAIN if plain else FAST)
        return _run(architecture, context, images, captured=capture is not None)

    if towers is ONE_DEVICE:
        result, captured = on_explicit_axes(compute, params, (images, keys))
    else:
        result, captured = compute(params, (images, keys))
    if capture is not None:
        capture.update(captured)
    return result


def _run(
    architecture: Architecture, context: Context, images: jax.Array, *, captured: bool
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Compute the result and, if `captured`, the outputs of all named layers."""
    in_table_order = program(architecture)
    steps: Iterable[Planned] = in_table_order
    if not captured and context.ops is FAST:
        arranged = plan(in_table_order)
        planned = join(arranged, context) if ops.may_use_rows(images) else arranged
        steps = stream(planned) if context.towers is ONE_DEVICE else planned
    outputs: dict[str, jax.Array] = {}
    x = images
    for step in steps:
        x = step(context, x)
        if captured:
            outputs[step.placed.layer.name] = x
    with jax.named_scope("logits"):
        result = context.towers.gather(x, "logits")
    if captured and architecture.classifier is not None:
        del outputs[architecture.classifier]
        outputs["logits"] = result
    return result, outputs


def check_images(architecture: Architecture, images: jax.Array) -> None:
    """Raise TypeError unless images are floating, ValueError unless they have the input's shape."""
    height, width, channels = architecture.input_shape
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(
            f"images must be floating point, normalized as in training; got {images.dtype}"
        )
    if images.ndim != 4 or images.shape[1:] != (height, width, channels):
        raise ValueError(
            f"images must have shape [B, {height}, {width}, {channels}] for {architecture.name}, "
            f"got {images.shape}"
        )


def _check_params(architecture: Architecture, params: Params, images: jax.Array) -> None:
    """Raise ValueError unless there are all layers' parameters, TypeError for another dtype."""
    for layer in architecture.layers:
        if isinstance(layer, Weighted) and layer.name not in params:
            raise ValueError(
                f"params lack {layer.name} of {architecture.name}; there are {', '.join(params)}"
            )
        for name, value in params.get(layer.name, {}).items():
            if value.dtype != images.dtype:
                raise TypeError(
                    f"images are {images.dtype}, but {layer.name}/{name} is {value.dtype}; forward "
                    "takes one dtype (the module AlexNet converts both to its dtype)"
                )


def activations(
    architecture: Architecture,
    params: Params,
    images: jax.Array,
    layers: Sequence[str] | None = None,
    *,
    plain: bool = False,
) -> dict[str, jax.Array]:
    """Return the outputs of layers in test mode, by name, from one pass.

        activations(architecture, params, images, layers=("pool5", "fc7"))

    Args:
      layers: names of the layers whose outputs are wanted; nothing behind the last of them is
        computed. By default all, in the order of computation: conv1 (after ReLU), lrn1, pool1, ...,
        fc7, logits.

    The outputs are [B, H, W, maps] or [B, units]. The other arguments, and errors, are those of
    `forward`.

    Raises:
      InputError: no such layer.
    """
    check_images(architecture, images)
    wanted = tuple(architecture.outputs()) if layers is None else layers
    capture: dict[str, jax.Array] = {}
    forward(part_with(architecture, wanted), params, images, capture=capture, plain=plain)
    return {name: capture[name] for name in wanted}
