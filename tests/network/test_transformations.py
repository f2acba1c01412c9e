"""What JAX does to functions, done to networks: ensembles, recomputation, exports, shapes.

The quick tests compare values in a tiny network and export every preset; the exhaustive ones
compare values in every preset, and some in the forms of large networks.
"""

import importlib
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.narrow import abstract, assert_trees_close, drawn, narrow, tiny
from helpers.reference import TOLERANCE
from jax import export, lax

import alexnet_jax
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import list_presets
from alexnet_jax.ops.cpu import conv as cpu_conv

BATCH = 5  # more than a CPU takes at a time
MEMBERS = 2
PLATFORMS = ("cpu", "cuda", "tpu")
every_preset = pytest.mark.parametrize("preset", list_presets())
networks = pytest.mark.parametrize(
    "net",
    [
        pytest.param(tiny(), id="tiny"),
        *(
            pytest.param(narrow(preset), id=preset, marks=pytest.mark.exhaustive)
            for preset in list_presets()
        ),
    ],
)


def forward(net: Architecture, plain: bool = False) -> Any:
    return partial(alexnet_jax.forward, net, plain=plain)


def loss(net: Architecture, params: Any, images: Any) -> jax.Array:
    """In training: with dropout."""
    keys = jax.random.split(jax.random.key(5), images.shape[0])
    logits = alexnet_jax.forward(net, params, images, keys=keys)
    return jnp.sum(jnp.square(logits))


def ensemble(net: Architecture) -> tuple[Any, Any]:
    """Parameters of several members, stacked, and images."""
    members = [drawn(net, BATCH, 100 * member)[0] for member in range(MEMBERS)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    return stacked, drawn(net, BATCH, 0)[1]


def scanned(function: Any, stacked: Any, images: Any) -> Any:
    return lax.scan(lambda carry, params: (carry, function(params, images)), 0, stacked)[1]


def assert_an_ensemble_equals_the_loop(net: Architecture) -> None:
    """In float64, logits, losses and gradients: by `vmap`, and by a scan over the members that is
    recomputed by `checkpoint`; logits by `vmap` of plain layers."""

    def both(wrap: Any, params: Any, images: Any) -> Any:
        gradient = jax.value_and_grad(wrap(partial(loss, net)))
        return wrap(forward(net))(params, images), gradient(params, images)

    @jax.jit
    def all_members(stacked: Any, images: Any) -> Any:
        found = (
            jax.vmap(partial(both, lambda function: function), (0, None))(stacked, images),
            scanned(partial(both, jax.checkpoint), stacked, images),
        )
        return found, jax.vmap(forward(net, plain=True), (0, None))(stacked, images)

    stacked, images = ensemble(net)
    one = jax.jit(partial(both, lambda function: function))
    with jax.enable_x64(True):
        members = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(MEMBERS)]
        loop = jax.tree.map(lambda *each: np.stack(each), *(one(p, images) for p in members))
        found, plain = all_members(stacked, images)
    for results in found:
        assert_trees_close(results, loop, 1e-11)
    assert_trees_close(plain, loop[0], 1e-11)


def assert_shares_equal_the_whole(net: Architecture) -> None:
    """Logits and gradients inside `shard_map`, in float64: of images divided over two devices, with
    parameters that are the same on both and not marked in any way, and of a member on each device
    with the same images. JAX sums the gradients of what is the same on both."""

    def both(params: Any, images: Any) -> Any:
        def squares(params: Any, images: Any) -> jax.Array:
            return jnp.sum(jnp.square(forward(net)(params, images)))

        return jax.grad(squares, (0, 1))(params, images), forward(net)(params, images)

    def of_own_member(stacked: Any, images: Any) -> Any:
        (gradient, _), logits = both(jax.tree.map(lambda leaf: leaf[0], stacked), images)
        return jax.tree.map(lambda leaf: leaf[None], (gradient, logits))

    mesh = jax.make_mesh((MEMBERS,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    own, same = jax.P("x"), jax.P()
    divided = jax.shard_map(both, mesh=mesh, in_specs=(same, own), out_specs=((same, own), own))
    a_member_each = jax.shard_map(of_own_member, mesh=mesh, in_specs=(own, same), out_specs=own)

    @jax.jit
    def compute(stacked: Any, images: Any) -> Any:
        first = jax.tree.map(lambda leaf: leaf[0], stacked)
        return both(first, images), divided(first, images), a_member_each(stacked, images)

    stacked, images = ensemble(net)
    with jax.enable_x64(True):
        whole, shares, members = compute(stacked, np.concatenate([images, images[:1]]))
    assert_trees_close(shares, whole, 1e-11)
    first = jax.tree.map(lambda leaf: leaf[0], members)
    assert_trees_close(first, (whole[0][0], whole[1]), 1e-11)


@networks
def test_an_ensemble_equals_the_loop(net: Architecture) -> None:
    assert_an_ensemble_equals_the_loop(net)


@networks
def test_shares_equal_the_whole(net: Architecture) -> None:
    assert_shares_equal_the_whole(net)


@pytest.mark.exhaustive
@pytest.mark.parametrize("preset", ["paper", "source2012", "owt"])
@pytest.mark.parametrize(
    "check", [assert_an_ensemble_equals_the_loop, assert_shares_equal_the_whole]
)
def test_in_the_forms_of_large_networks(
    preset: str, check: Callable[[Architecture], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that CPUs take for large maps and kernels, a few images at a time."""
    jax.clear_caches()
    monkeypatch.setattr(cpu_conv, "_LARGE", 0)
    monkeypatch.setattr(importlib.import_module("alexnet_jax.network.plan"), "_LARGE", 0)
    check(narrow(preset))
    jax.clear_caches()


def exported(function: Any, params: Any, images: Any, derivatives: int = 0) -> export.Exported:
    """A function of any number of images, for every platform, written and read back."""
    images = jax.ShapeDtypeStruct((*export.symbolic_shape("b"), *images.shape[1:]), images.dtype)
    program = export.export(jax.jit(function), platforms=PLATFORMS)(params, images)
    return export.deserialize(program.serialize(vjp_order=derivatives))


@every_preset
def test_ensembles_are_exported(preset: str) -> None:
    """A scan over groups of mapped and recomputed members; for any number of images and every
    platform."""
    net = narrow(preset)
    params, images = abstract(net, BATCH)
    groups = jax.tree.map(lambda x: jax.ShapeDtypeStruct((3, MEMBERS, *x.shape), x.dtype), params)
    of_a_group = jax.checkpoint(jax.vmap(forward(net), (0, None)))
    program = exported(partial(scanned, of_a_group), groups, images)
    assert program.platforms == PLATFORMS
    assert str(program.out_avals[0]) == f"float32[3,{MEMBERS},b,4]"


@networks
def test_an_export_computes_the_same(net: Architecture) -> None:
    given = jax.tree.map(np.float32, drawn(net, BATCH, 0))
    program = exported(forward(net), *given)
    found, wanted = (jax.jit(function)(*given) for function in (program.call, forward(net)))
    assert_trees_close(found, wanted, TOLERANCE["float32"][0])


@pytest.mark.exhaustive
@networks
def test_an_export_has_the_same_gradient(net: Architecture) -> None:
    given = jax.tree.map(np.float32, drawn(net, BATCH, 0))
    program = exported(forward(net), *given, derivatives=1)

    @jax.jit
    def both(params: Any, images: Any) -> Any:
        def gradients(function: Any) -> Any:
            logits, pull = jax.vjp(function, params, images)
            return pull(logits)

        return gradients(program.call), gradients(forward(net))

    found, wanted = both(*given)
    assert_trees_close(found, wanted, TOLERANCE["float32"][1])


@every_preset
def test_shapes_and_pickles(preset: str) -> None:
    """A network at its full size needs no array to tell its shapes, and comes out of a pickle as it
    went in."""
    net = alexnet_jax.architecture(preset)
    again = pickle.loads(pickle.dumps(net))
    assert again == net
    assert hash(again) == hash(net)
    logits = jax.eval_shape(forward(again), *abstract(again, BATCH))
    assert (logits.shape, logits.dtype) == ((BATCH, net.classes), "float32")
