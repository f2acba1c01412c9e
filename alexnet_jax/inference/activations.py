"""What a network makes of images, layer by layer, on any topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Block, Scale, Statistics, centre_views
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, activations, forward
from alexnet_jax.parallel import Topology
from alexnet_jax.runtime import whole

Activations = Callable[[Any, jax.Array], dict[str, jax.Array]]
Features = Callable[[Any, Any, Statistics], jax.Array]


def feature_width(architecture: Architecture, layer: str) -> int:
    """How many numbers a layer makes of an image; InputError for a layer there is not.

    Layers go by the names of `activations`; the classifier's outputs are "logits".
    """
    widths = {p.layer.name: int(np.prod(p.output)) for p in architecture.placed()}
    widths["logits"] = widths.pop(architecture.layers[-1].name)
    if layer not in widths:
        raise InputError(
            f"{architecture.name} has no layer {layer!r} to take features of; there are "
            f"{', '.join(widths)}"
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
    """The jitted features of stored images: one layer's output for their centre crops, flat.

    (params, [B, S, S, C] uint8, statistics) -> [B, F], at least float32, F as `feature_width`; maps
    are flattened in the order height, width, map. Test mode, computed in `dtype`; layers above are
    not computed.
    """
    feature_width(architecture, layer)
    acts, compute = make_activations(architecture, topology), jnp.dtype(dtype)

    @jax.jit
    def features(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        views = centre_views(
            images, statistics, size=architecture.image_size, scale=pixel_scale, dtype=compute
        )
        found = acts(cast, views)[layer]
        return found.reshape((found.shape[0], -1)).astype(jnp.promote_types(compute, jnp.float32))

    return features


def computed(
    function: Callable[[np.ndarray], jax.Array], blocks: Iterable[Block]
) -> Iterator[tuple[Block, np.ndarray]]:
    """Blocks of images with what a function of them returns, whole, in this process's memory.

    The function is called on a block before the result of the one before is waited for, so that
    the device is not idle, and no more results are held.
    """
    pending: tuple[Block, jax.Array] | None = None
    for block in blocks:
        begun = block, function(block.images)
        if pending is not None:
            yield pending[0], whole(pending[1])
        pending = begun
    if pending is not None:
        yield pending[0], whole(pending[1])


def make_activations(architecture: Architecture, topology: Topology) -> Activations:
    """`activations` spread over devices, jitted: (params, images) -> {layer: array}.

    The whole network's values by the names of `activations`, as arrays that stay where the
    topology computes them: split by images, by maps or by units.

    Args of the result:
      params: canonical tree, placed by `topology.place`.
      images: [B, H, W, C] floating, as `forward` takes them; B must divide over the devices that
        share a batch (`topology.check_batch`).
    """
    if topology.mesh.size == 1:
        return jax.jit(lambda params, images: activations(architecture, params, images))
    places = _specs(architecture, topology)

    def shares(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        capture: dict[str, jax.Array] = {}
        own = topology.differing(params)
        forward(architecture, own, topology.seen_by_all(images), topology.towers, capture=capture)
        return capture

    @jax.jit
    def spread(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        specs = (topology.specs(params), jax.P(topology.data))
        return topology.spread(shares, specs, places)(params, images)

    return spread


def _specs(architecture: Architecture, topology: Topology) -> dict[str, jax.P]:
    """The places of all activations; what has no weights stays where its input is."""
    specs, spec = {}, jax.P()
    for placed in architecture.placed():
        name = placed.layer.name
        if placed.kernel is not None:
            images = None if name in topology.gathered else topology.data
            between = (None,) * (len(placed.kernel) - 2)  # height and width, or nothing
            spec = jax.P(images, *between, topology.model if name in topology.split else None)
        specs[name] = spec
    del specs[architecture.layers[-1].name]  # the classifier's output goes by "logits"
    return specs | {"logits": topology.logits_spec}
