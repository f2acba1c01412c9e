"""Digests of arrays: those of their bytes, wherever the parts of an array are."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import init_state
from helpers.spread import CONFIG, FEW, network, spread_over

from alexnet_jax.checkpoints.digests import params_sha256, tree_digests


def sha256(value: Any) -> bytes:
    return hashlib.sha256(np.asarray(value).tobytes()).digest()


def by_units(value: Any) -> str:
    """From the definition: of the digests of the slices along the last axis."""
    array = np.asarray(value)
    units = [sha256(array[..., unit]) for unit in range(array.shape[-1])]
    return hashlib.sha256(b"".join(units)).hexdigest()


def tree() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "b": {"z": random.normal(size=(3, 2, 600)).astype(np.float32), "a": jnp.int32(7)},
        "a": {"bias": np.array([1.5, -0.0]), "key": jax.random.key(3)},
    }


def test_digests_are_those_of_the_slices_along_the_last_axis() -> None:
    """Random keys by their data, scalars as one slice, in path order."""
    value = tree()
    assert tree_digests(value) == {
        "a/bias": by_units(value["a"]["bias"]),
        "a/key": by_units(jax.random.key_data(value["a"]["key"])),
        "b/a": hashlib.sha256(sha256(np.int32(7))).hexdigest(),
        "b/z": by_units(value["b"]["z"]),
    }
    assert tree_digests({}) == {}


def test_the_hash_of_parameters_is_that_of_their_bytes_in_path_order() -> None:
    kernel, bias = np.arange(6, dtype=np.float32).reshape(2, 3).T, np.array([1.5, -0.0])
    params = {"conv2": {"kernel": kernel, "bias": bias}, "conv1": {"kernel": jnp.float32(2)}}
    want = np.float32(2).tobytes() + bias.tobytes() + kernel.tobytes(order="C")
    assert params_sha256(params) == hashlib.sha256(want).hexdigest()
    assert params_sha256(dict(reversed(params.items()))) == params_sha256(params)


@pytest.mark.parametrize("leaf", ["b/z", "a/bias"])
@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_single_bit_shows(leaf: str, place: int) -> None:
    value = tree()
    branch, name = leaf.split("/")
    params = {"x": {"kernel": value[branch][name]}}
    before, whole = tree_digests(value), params_sha256(params)
    value[branch][name].view(np.uint32).flat[place] ^= 1
    after = tree_digests(value)
    assert {path for path in before if before[path] != after[path]} == {leaf}
    assert params_sha256(params) != whole


@pytest.mark.parametrize(("name", "devices"), FEW)
def test_the_place_of_an_array_has_no_say(name: str, devices: int) -> None:
    net = network()
    state = init_state(net, CONFIG, spread_over(name, devices, net))
    at_home = jax.device_get(state.params)
    assert tree_digests(state.params) == tree_digests(at_home)
    assert params_sha256(state.params) == params_sha256(at_home)


def test_another_axis_is_never_split() -> None:
    mesh = jax.make_mesh((2,), ("x",), devices=jax.devices()[:2])
    array = jax.device_put(np.zeros((4, 4)), jax.NamedSharding(mesh, jax.P("x")))
    with pytest.raises(ValueError, match="only the last axis"):
        tree_digests({"x": array})
