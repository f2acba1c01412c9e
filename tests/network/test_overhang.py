"""Layers whose last windows extend beyond the edge, as in 2012 where sizes do not divide."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference, reference_local
from helpers.random_params import random_params
from helpers.reference import assert_close

from alexnet_jax import Architecture, forward
from alexnet_jax.network.layers import Conv, Dense, Local, MaxPool

NET = Architecture(
    name="pool",
    image_size=(7, 6),
    channels=2,
    classes=3,
    towers=1,
    layers=(MaxPool("pool1", overhang=True), Dense("fc8", 3, activation="linear")),
)


def test_sizes_round_up() -> None:
    sides = {}
    for size in (5, 6, 7, 54):
        net = dataclasses.replace(NET, image_size=size)
        sides[size] = next(net.placed()).output
    assert next(NET.placed()).output == (3, 3, 2)
    assert sides == {5: (2, 2, 2), 6: (3, 3, 2), 7: (3, 3, 2), 54: (27, 27, 2)}
    assert Architecture.from_json(NET.to_json()) == NET


def test_what_lies_outside_is_not_looked_at() -> None:
    """All values are negative, so that zeros at the edge would win; gradients go to the maxima.
    The last windows go beyond the right edge, but not below."""
    images = -1 - np.random.default_rng(0).random((2, 7, 6, 2), np.float32)
    kernel = np.random.default_rng(1).normal(size=(18, 3)).astype(np.float32)
    params = {"fc8": {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(3)}}
    pooled = np.empty((2, 3, 3, 2), np.float32)
    gradient = np.zeros_like(images)
    onto = kernel.sum(-1).reshape(3, 3, 2)  # of the sum of the logits
    for i, j in np.ndindex(3, 3):
        window = images[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        pooled[:, i, j] = window.max((1, 2))
        where = window == pooled[:, i, j][:, None, None]
        gradient[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += where * onto[i, j]

    def total(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = forward(NET, params, x)
        return jnp.sum(logits), logits

    found, logits = jax.jit(jax.grad(total, has_aux=True))(jnp.asarray(images))
    np.testing.assert_allclose(logits, pooled.reshape(2, -1) @ kernel, rtol=1e-5)
    np.testing.assert_allclose(found, gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        Conv("a", 4, kernel=3, stride=2, overhang=True, std=None),
        Local("a", 4, kernel=3, stride=2, overhang=True, std=None),
    ],
    ids=["shared", "unshared"],
)
def test_convolutions_read_zeros_beyond_the_maps(layer: Conv | Local) -> None:
    """A column beyond the right edge, and no row below."""
    net = dataclasses.replace(NET, classes=None, layers=(layer,))
    params = random_params(net)
    images = np.random.default_rng(0).standard_normal((2, 7, 6, 2)).astype(np.float32)
    padded = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 0)))
    apply = reference.conv2d if isinstance(layer, Conv) else reference_local.locally_connected
    want = np.maximum(apply(padded, params["a"]["kernel"], params["a"]["bias"], stride=2), 0)
    assert_close(jax.jit(lambda x: forward(net, params, x))(jnp.asarray(images)), want, 1e-6)
