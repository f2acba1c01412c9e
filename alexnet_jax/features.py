"""What a network makes of images, layer by layer, on any topology."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from alexnet_jax.config import Architecture
from alexnet_jax.model import activations, forward
from alexnet_jax.parallel import Topology

Activations = Callable[[Any, jax.Array], dict[str, jax.Array]]


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
