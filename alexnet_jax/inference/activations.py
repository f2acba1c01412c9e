"""Activations and features of a network, layer by layer, on any topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Block, Scale, Statistics, centre_views
from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import Architecture, activations, forward
from alexnet_jax.parallel import Topology
from alexnet_jax.runtime import gather_to_host

Activations = Callable[[Any, jax.Array], dict[str, jax.Array]]
Features = Callable[[Any, Any, Statistics], jax.Array]


def feature_width(architecture: Architecture, layer: str) -> int:
    """Return the number of values that a layer computes for one image.

    Layers have the names of `activations`; the classifier's output is "logits".

    Raises:
      InputError: the network has no such layer.
    """
    widths = {p.layer.name: int(np.prod(p.output)) for p in architecture.placed()}
    widths["logits"] = widths.pop(architecture.layers[-1].name)
    if layer not in widths:
        raise InputError(
            f"{architecture.name} has no layer {layer!r} to take features of; "
            f"{choices(layer, widths)}"
        )
    return widths[layer]


def make_features(
    architecture: Architecture,
    topology: Topology,
    *,
    layer: str,
    pixel_scale: Scale,
    dtype: str = "float32",
) -> Features:
    """Return a jitted function that computes one layer's features of stored images.

    (params, [B, S, S, C] uint8, statistics) -> [B, F], at least float32, with F from
    `feature_width`: the layer's output for the centre crops, flattened in the order height, width,
    map. The network runs in test mode and in `dtype`; the layers above are not computed.

    Raises:
      InputError: the network has no such layer.
    """
    feature_width(architecture, layer)
    acts, compute = make_activations(architecture, topology), jnp.dtype(dtype)

    @jax.jit
    def features(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        views = centre_views(
            images, statistics, size=architecture.image_size, scale=pixel_scale, dtype=compute
        )
        values = acts(cast, views)[layer]
        return values.reshape((values.shape[0], -1)).astype(jnp.promote_types(compute, jnp.float32))

    return features


def map_blocks(
    function: Callable[[np.ndarray], jax.Array], blocks: Iterable[Block]
) -> Iterator[tuple[Block, np.ndarray]]:
    """Yield each block of images with the function's complete result, in this process's memory.

    The function is called on the next block before the previous result is awaited, so that the
    device is not idle; at most two results are kept at a time.
    """
    pending: tuple[Block, jax.Array] | None = None
    for block in blocks:
        started = block, function(block.images)
        if pending is not None:
            yield pending[0], gather_to_host(pending[1])
        pending = started
    if pending is not None:
        yield pending[0], gather_to_host(pending[1])


def make_activations(architecture: Architecture, topology: Topology) -> Activations:
    """Return `activations` as a jitted function on a topology: (params, images) -> {layer: array}.

    The arrays have the names and the values of `activations`; each stays sharded as the topology
    computes it: by images, by maps or by units.

    Args of the returned function:
      params: canonical tree, placed by `topology.place`.
      images: [B, H, W, C] floating, as `forward` takes them; the devices that share a batch must
        divide B (`topology.check_batch`).
    """
    if topology.mesh.size == 1:
        return jax.jit(lambda params, images: activations(architecture, params, images))
    output_specs = _specs(architecture, topology)

    def local_activations(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        capture: dict[str, jax.Array] = {}
        own = topology.mark_varying(params)
        forward(
            architecture,
            own,
            topology.share_between_towers(images),
            topology.towers,
            capture=capture,
        )
        return capture

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
            between = (None,) * (len(placed.kernel) - 2)  # height and width, if any
            spec = jax.P(images, *between, topology.model if name in topology.split else None)
        specs[name] = spec
    del specs[architecture.layers[-1].name]  # the classifier's output is called "logits"
    return specs | {"logits": topology.logits_spec}
