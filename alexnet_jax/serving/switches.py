"""Switches of the page: one tower alone, and the response normalizations left out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from alexnet_jax.network import LRN, Architecture, MapNorm, Params, Weighted

Tower = Literal["both", "0", "1"]


@dataclass(frozen=True)
class Switches:
    """Parts of a network that are in use.

    Attributes:
      tower: the tower whose maps are kept, "0" or "1", or "both"; those of the other are 0.
      norms: whether the response normalizations are computed, or do nothing.
    """

    tower: Tower = "both"
    norms: bool = True

    @property
    def plain(self) -> bool:
        """Whether the network is as it was trained."""
        return self == Switches()


def norms_of(architecture: Architecture) -> tuple[str, ...]:
    """Return the names of a network's response normalizations."""
    return tuple(layer.name for layer in architecture.layers if isinstance(layer, LRN | MapNorm))


def without_norms(architecture: Architecture) -> Architecture:
    """Return the network with response normalizations that change nothing.

    With k = 1 and alpha = 0 they divide by (1 + 0 sum)^beta = 1; their names and shapes stay.
    """
    layers = tuple(
        dataclasses.replace(layer, k=1.0, alpha=0.0) if isinstance(layer, LRN | MapNorm) else layer
        for layer in architecture.layers
    )
    return dataclasses.replace(architecture, layers=layers)


def keep_towers(architecture: Architecture, params: Params, kept: jax.Array) -> Params:
    """Return parameters with which the maps and units of some towers are 0 in every layer.

    The kernels and biases of a tower are a slice of their last axis. Where they are 0, so is the
    layer's output, since ReLU, tanh, pooling and normalization take 0 to 0. The classifier, whose
    outputs belong to no tower, stays.

    Args:
      params: canonical tree.
      kept: [T] boolean, for each tower of the network whether it is kept.
    """
    hidden = {
        layer.name
        for layer in architecture.layers
        if isinstance(layer, Weighted) and layer.name != architecture.classifier
    }

    def masked(leaf: jax.Array) -> jax.Array:
        mask = jnp.repeat(kept, leaf.shape[-1] // architecture.towers)
        shape = (1,) * (leaf.ndim - 1) + mask.shape
        return jnp.where(mask.reshape(shape), leaf, jnp.zeros((), leaf.dtype))

    return {
        name: jax.tree.map(masked, weights) if name in hidden else weights
        for name, weights in params.items()
    }
