"""Shares of each layer's input that come from its own tower and from the other."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Conv, Dense, Placed, forward, reads_all_maps


def tower_shares(
    architecture: Architecture, params: Any, views: jax.Array
) -> dict[str, np.ndarray]:
    """Compute what the maps of tower s contribute to tower t of every layer that reads both towers.

        E[s, t] = mean over images, positions and maps of tower t of (sum over maps of s of w * x)^2

    Contributions are taken before bias and activation; x is the layer's input in test mode. The
    outputs of the classifier count as one group, E[s, 0], since every class reads both towers.

    Args:
      views: [B, H, W, C] as `forward` takes them.

    Returns:
      E of each such layer, by its name: [2, 2], or [2, 1] of the classifier, float64.

    Raises:
      InputError: a network of one tower.
    """
    if architecture.towers != 2:
        raise InputError(
            f"{architecture.name} has {architecture.towers} tower; two are needed to compare them"
        )
    return {
        name: np.asarray(value, np.float64)
        for name, value in _shares(architecture, params, views).items()
    }


@partial(jax.jit, static_argnums=0)
def _shares(architecture: Architecture, params: Any, views: jax.Array) -> dict[str, jax.Array]:
    capture: dict[str, jax.Array] = {}
    forward(architecture, params, views, capture=capture)
    shares = {}
    for before, placed in itertools.pairwise(architecture.placed()):
        if reads_all_maps(placed.layer):
            x = capture[before.layer.name]
            classifier = placed.layer.name == architecture.classifier
            groups = 1 if classifier or placed.output[-1] % 2 else 2
            kernel = params[placed.layer.name]["kernel"]
            shares[placed.layer.name] = jnp.stack(
                [_energies(placed, kernel, _keep_tower(x, tower), groups) for tower in (0, 1)]
            )
    return shares


def _keep_tower(x: jax.Array, tower: int) -> jax.Array:
    """Return x with the maps of the other tower set to zero."""
    maps = x.shape[-1]
    kept = (np.arange(maps) < maps // 2) == (tower == 0)
    return jnp.where(kept.reshape((1,) * (x.ndim - 1) + (-1,)), x, jnp.zeros((), x.dtype))


def _energies(placed: Placed, kernel: jax.Array, x: jax.Array, groups: int) -> jax.Array:
    """Return [groups] mean squares of a layer's linear outputs, in equal groups of maps."""
    bias = jnp.zeros(kernel.shape[-1], kernel.dtype)
    match placed.layer:
        case Conv(stride=stride, padding=padding):
            y = ops.conv2d(x, kernel, bias, stride=stride, padding=padding)
        case Dense():
            y = ops.dense(x.reshape((x.shape[0], -1)), kernel, bias)
    return jnp.mean(jnp.square(y).reshape((-1, groups, kernel.shape[-1] // groups)), (0, 2))
