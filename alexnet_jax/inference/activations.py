"""Activations and features of a network, layer by layer, on any topology."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Block, Scale, Statistics, centre_views
from alexnet_jax.network import Architecture, activations, forward, part_with
from alexnet_jax.ops import compute_dtype, product_precision
from alexnet_jax.parallel import Topology
from alexnet_jax.runtime import gather_to_host

Activations = Callable[[Any, jax.Array], dict[str, jax.Array]]
Features = Callable[[Any, Any, Statistics], dict[str, jax.Array]]


def feature_width(architecture: Architecture, layer: str) -> int:
    """Return the number of values that a layer computes for one image.

    Layers have the names of `activations`; the classifier's output is "logits".

    Raises:
      InputError: the network has no such layer.
    """
    part_with(architecture, (layer,))
    return math.prod(architecture.outputs()[layer])


def make_features(
    architecture: Architecture,
    topology: Topology,
    *,
    layers: Sequence[str],
    pixel_scale: Scale,
    dtype: str = "float32",
    precision: str = "default",
) -> Features:
    """Return a jitted function that computes features of stored images in one pass.

    (params, [B, S, S, C] uint8, statistics) -> {layer: [B, F]}, at least float32, with F from
    `feature_width`: each layer's output for the centre crops, flattened in the order height, width,
    map. The network runs in test mode, in `dtype` and with products of `precision`; nothing
    behind the last of the layers is computed.

    Raises:
      InputError: the network has no such layer.
    """
    acts, compute = make_activations(architecture, topology, layers), jnp.dtype(dtype)

    @jax.jit
    def features(params: Any, images: jax.Array, statistics: Statistics) -> dict[str, jax.Array]:
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        views = centre_views(
            images, statistics, size=architecture.image_size, scale=pixel_scale, dtype=compute
        )
        with product_precision(precision):
            outputs = acts(cast, views)
        return {
            name: values.reshape((values.shape[0], -1)).astype(compute_dtype(compute))
            for name, values in outputs.items()
        }

    return features


def map_blocks(
    function: Callable[[np.ndarray], Any], blocks: Iterable[Block]
) -> Iterator[tuple[Block, Any]]:
    """Yield each block of images with the function's complete result, in this process's memory.

    The result is an array or a tree of arrays.

    The function is called on the next block before the previous result is awaited, so that the
    device is not idle; at most two results are kept at a time.
    """
    pending: tuple[Block, Any] | None = None
    for block in blocks:
        started = block, function(block.images)
        if pending is not None:
            yield pending[0], jax.tree.map(gather_to_host, pending[1])
        pending = started
    if pending is not None:
        yield pending[0], jax.tree.map(gather_to_host, pending[1])


def make_activations(
    architecture: Architecture, topology: Topology, layers: Sequence[str] | None = None
) -> Activations:
    """Return `activations` as a jitted function on a topology: (params, images) -> {layer: array}.

    The arrays have the names and the values of `activations` of `layers`, by default of all; each
    stays sharded as the topology computes it: by images, by maps or by units.

    Args of the returned function:
      params: canonical tree, placed by `topology.place`.
      images: [B, H, W, C] floating, as `forward` takes them; the devices that share a batch must
        divide B (`topology.check_batch`).

    Raises:
      InputError: the network has no such layer.
    """
    wanted = tuple(architecture.outputs()) if layers is None else layers
    part = part_with(architecture, wanted)
    if topology.mesh.size == 1:
        return jax.jit(lambda params, images: activations(part, params, images, wanted))
    specs_of = _specs(part, topology)
    output_specs = {name: specs_of[name] for name in wanted}

    def local_activations(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        capture: dict[str, jax.Array] = {}
        own = topology.mark_varying(params)
        forward(part, own, topology.share_between_towers(images), topology.towers, capture=capture)
        return {name: capture[name] for name in wanted}

    @jax.jit
    def activations_of(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        specs = (topology.specs(params), jax.P(topology.data))
        return topology.shard_map(local_activations, specs, output_specs)(params, images)

    return activations_of


def _specs(architecture: Architecture, topology: Topology) -> dict[str, jax.P]:
    """Return the partition spec of every activation; a layer without weights keeps its input's."""
    specs, spec = {}, jax.P()
    for placed in architecture.placed():
        name = placed.layer.name
        if placed.kernel is not None:
            images = None if name in topology.gathered else topology.data
            between = (None,) * (len(placed.output) - 1)  # height and width, if any
            spec = jax.P(images, *between, topology.model if name in topology.split else None)
        specs[name] = spec
    if architecture.classifier is not None:
        del specs[architecture.classifier]
        specs["logits"] = topology.logits_spec
    return specs
