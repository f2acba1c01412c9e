"""Parameters of a network drawn by NumPy: nothing is compiled for tests that need only some."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Weighted
from alexnet_jax.network.shapes import Placed


def random_params(net: Architecture, dtype: Any = jnp.float32, seed: int = 1) -> Any:
    """Parameters of the standard deviations and biases in a network's table.

    Other values than `init` draws, whose own tests are those of initial values.
    """
    random = np.random.default_rng(seed)

    def layer(placed: Placed, of: Weighted) -> dict[str, jax.Array]:
        std = math.sqrt(2 / placed.fan_in) if of.std is None else of.std
        kernel = random.standard_normal(placed.kernel, np.float32) * np.float32(std)
        values = {"kernel": kernel, "bias": np.full(placed.bias or (), of.bias)}
        return {name: jnp.asarray(value.astype(dtype)) for name, value in values.items()}

    return {
        placed.layer.name: layer(placed, placed.layer)
        for placed in net.placed()
        if isinstance(placed.layer, Weighted)
    }
