"""The dropout masks that a training pass draws, read off what it zeroes and lets through."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import forward
from alexnet_jax.network.architecture import Architecture


@partial(jax.jit, static_argnums=0)
def _dropped(
    architecture: Architecture, params: Any, images: Any, keys: Any
) -> tuple[jax.Array, jax.Array]:
    capture: dict[str, jax.Array] = {}
    forward(architecture, params, images, keys=keys, capture=capture)
    return capture["dropout6"], capture["dropout7"]


def drawn_masks(
    architecture: Architecture, params: Any, images: Any, keys: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Of dropout6 and dropout7: in this copy of the network the dense layers give ones."""
    ones = jax.tree.map(jnp.zeros_like, params)
    for name in ("fc6", "fc7"):
        ones[name]["bias"] = jnp.ones_like(params[name]["bias"])
    first, second = (np.asarray(mask) for mask in _dropped(architecture, ones, images, keys))
    for mask in (first, second):
        assert set(np.unique(mask)) == {0.0, 1.0}
    return first, second
