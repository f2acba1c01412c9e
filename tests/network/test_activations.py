"""tanh units, which the paper's figure 1 compares with rectified ones."""

import jax
import jax.numpy as jnp
import numpy as np
from helpers.reference import assert_close, draw

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import Conv, Dense, MaxPool

NET = Architecture(
    name="saturating",
    image_size=6,
    channels=2,
    classes=3,
    towers=1,
    layers=(
        Conv("conv1", 4, kernel=3, activation="linear"),
        MaxPool("pool1", size=2, activation="tanh"),
        Dense("fc2", 5, activation="tanh"),
        Dense("fc3", 3, activation="linear"),
    ),
)


def test_tanh_network_matches_numpy() -> None:
    """Activations, and the gradient of the logits' sum by d tanh = 1 - tanh^2, in float64."""
    params = {
        "conv1": {"kernel": draw(3, 3, 2, 4, seed=1), "bias": draw(4, seed=2)},
        "fc2": {"kernel": draw(16, 5, seed=3), "bias": draw(5, seed=4)},
        "fc3": {"kernel": draw(5, 3, seed=5), "bias": draw(3, seed=6)},
    }
    images = draw(2, 6, 6, 2, seed=7)
    with jax.enable_x64(True):
        placed = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        found: dict[str, jax.Array] = {}
        forward(NET, placed, jnp.asarray(images, jnp.float64), capture=found)
        grads = jax.grad(lambda p: jnp.sum(forward(NET, p, jnp.asarray(images, jnp.float64))))(
            placed
        )
    pooled = np.asarray(found["conv1"]).reshape(2, 2, 2, 2, 2, 4).max((2, 4))
    assert_close(found["pool1"], np.tanh(pooled), 1e-13)
    hidden = np.tanh(np.tanh(pooled).reshape(2, -1) @ params["fc2"]["kernel"] + draw(5, seed=4))
    assert_close(found["fc2"], hidden, 1e-13)
    back = np.ones((2, 3)) @ params["fc3"]["kernel"].T * (1 - hidden**2)
    assert_close(grads["fc2"]["kernel"], np.tanh(pooled).reshape(2, -1).T @ back, 1e-12)
    dpool = (back @ params["fc2"]["kernel"].T).reshape(2, 2, 2, 4) * (1 - np.tanh(pooled) ** 2)
    assert_close(grads["conv1"]["bias"], dpool.sum((0, 1, 2)), 1e-12)
