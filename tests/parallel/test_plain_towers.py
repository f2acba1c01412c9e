"""Plain layers over several devices: forward mode passes what crosses between them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers.narrow import assert_trees_close, drawn, every_kind, tiny
from helpers.spread import FEW, spread_over

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward

BATCH = 8


def logits(net: Architecture, name: str, devices: int) -> Callable[[Any, Any], jax.Array]:
    """Of parameters and images, in training; the network divided over devices."""
    place = spread_over(name, devices, net)

    def local(params: Any, images: jax.Array, keys: jax.Array) -> jax.Array:
        params, images = place.mark_varying(params), place.share_between_towers(images)
        return forward(net, params, images, place.towers, keys=keys, plain=True)

    specs = (place.specs(drawn(net, BATCH, 0)[0]), *place.batch_specs(("image", "keys")).values())
    whole = place.shard_map(local, specs, place.logits_spec)
    return lambda params, images: whole(params, images, jax.random.split(jax.random.key(5), BATCH))


def slope(function: Any, arguments: Any, v: Any) -> Any:
    """The logits, and their change along v."""
    return jax.jvp(lambda a: function(*a), (arguments,), (v,))


def bend(function: Any, arguments: Any, v: Any) -> Any:
    """The gradient of a function of the logits, and its change along v."""
    gradient = jax.grad(lambda a: jnp.sum(jnp.sin(function(*a))))
    return jax.jvp(gradient, (arguments,), (v,))


def assert_one_device_agrees(derive: Any, net: Architecture, name: str, devices: int) -> None:
    given = drawn(net, BATCH, 0), drawn(net, BATCH, 100)
    with jax.enable_x64(True):
        spread, alone = (
            jax.jit(partial(derive, logits(net, *place)))(*given)
            for place in ((name, devices), ("one_device", 1))
        )
    assert_trees_close(jax.device_get(spread), jax.device_get(alone), 1e-12)


def test_slopes_over_two_towers() -> None:
    assert_one_device_agrees(slope, tiny(), "two_towers", 2)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "devices"), FEW)
def test_second_derivatives_over_devices(name: str, devices: int) -> None:
    assert_one_device_agrees(bend, every_kind(), name, devices)
