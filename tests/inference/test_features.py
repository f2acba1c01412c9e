"""Activations on every topology are those of one device."""

import functools
from typing import Any

import jax
import numpy as np
import pytest
from helpers.random_params import random_params
from helpers.reference import assert_close
from helpers.spread import FEW, network, spread_over

from alexnet_jax import activations
from alexnet_jax.inference.activations import make_activations

IMAGES = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)


@functools.cache
def on_one_device(classes: int) -> tuple[Any, dict[str, jax.Array]]:
    """Parameters, and the activations of `IMAGES`."""
    net = network(classes)
    params = jax.device_get(random_params(net))
    names: list[str] = []  # in the order that compiled functions lose

    @jax.jit
    def named(params: Any) -> dict[str, jax.Array]:
        found = activations(net, params, IMAGES)
        names.extend(found)
        return found

    found = named(params)
    return params, {name: found[name] for name in names}


@pytest.mark.parametrize(
    ("name", "devices", "classes"), [("one_device", 1, 10), *((*one, 10) for one in FEW),
                                     ("two_towers", 2, 9)]
)  # fmt: skip
def test_activations_are_those_of_one_device(name: str, devices: int, classes: int) -> None:
    """Every layer's, whole, by the same names; and they are split."""
    net = network(classes)
    params, want = on_one_device(classes)
    place = spread_over(name, devices, net)
    found = make_activations(net, place)(place.place(params), IMAGES)
    assert list(want)[-2:] == ["dropout7", "logits"]
    assert set(found) == set(want)
    for layer, value in want.items():
        assert_close(found[layer], value, 2e-6)
    for layer in ("conv1", "pool2", "fc6"):
        parts = {shard.data.shape for shard in found[layer].addressable_shards}
        assert (parts == {want[layer].shape}) == (devices == 1), layer
