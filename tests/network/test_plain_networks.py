"""Networks of plain layers: the same function, with derivatives in every mode and order.

The quick tests take a network with every kind of layer, the exhaustive ones every preset.
"""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.narrow import abstract, assert_trees_close, drawn, every_kind, narrow, tiny
from helpers.reference import TOLERANCE, assert_close

import alexnet_jax
from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import list_presets

BATCH = 2
STEP = 1e-6  # of finite differences
every_preset = pytest.mark.parametrize("preset", list_presets())
PRESETS = [
    pytest.param(narrow(preset), id=preset, marks=pytest.mark.exhaustive)
    for preset in list_presets()
]
networks = pytest.mark.parametrize("net", [pytest.param(every_kind(), id="every kind"), *PRESETS])


def all_tied(net: Architecture) -> Any:
    """Images and biases of zero."""
    params, images = drawn(net, BATCH, 0)
    zero = {name: {"kernel": w["kernel"], "bias": 0 * w["bias"]} for name, w in params.items()}
    return zero, 0 * images


def dot(a: Any, b: Any) -> Any:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum((x * y).sum() for x, y in pairs)


def loss(net: Architecture, plain: bool, arguments: Any) -> jax.Array:
    """In training: with dropout."""
    keys = jax.random.split(jax.random.key(5), BATCH)
    logits = alexnet_jax.forward(net, *arguments, keys=keys, plain=plain)
    return jnp.sum(ops.cross_entropy(logits, np.arange(BATCH, dtype=np.int32)))


@functools.cache
def derivatives(net: Architecture) -> Callable[..., dict[str, Any]]:
    """Compiled: the loss and its gradient by both kinds of layers, slope and bend along v."""

    def compute(arguments: Any, v: Any) -> dict[str, Any]:
        both = jax.value_and_grad(partial(loss, net, True))
        (value, gradient), (slope, bend) = jax.jvp(both, (arguments,), (v,))
        other, by_hand = jax.value_and_grad(partial(loss, net, False))(arguments)
        return {
            "values": (value, other), "gradients": (gradient, by_hand), "slope": slope, "bend": bend
        }  # fmt: skip

    compiled = jax.jit(compute)

    def call(arguments: Any, v: Any) -> dict[str, Any]:
        found: dict[str, Any] = jax.device_get(compiled(arguments, v))
        return found

    return call


def moved(arguments: Any, v: Any, by: float) -> Any:
    return jax.tree.map(lambda x, dx: x + by * dx, arguments, v)


@networks
def test_both_kinds_of_layers_and_finite_differences_agree(net: Architecture) -> None:
    """In float64: the loss, every gradient, the slope in forward mode, and the gradient's slope
    forward over reverse."""
    arguments, v = drawn(net, BATCH, 0), drawn(net, BATCH, 100)
    with jax.enable_x64(True):
        compute = derivatives(net)
        here = compute(arguments, v)
        forth, back = (compute(moved(arguments, v, h), v) for h in (STEP, -STEP))
    assert_close(*here["values"], 1e-14)
    assert_trees_close(*here["gradients"], 1e-12)
    by_hand = here["gradients"][1]
    assert_close(here["slope"], dot(by_hand, v), 1e-12)
    assert_close(here["slope"], (forth["values"][1] - back["values"][1]) / (2 * STEP), 1e-6)
    bends = moved(forth["gradients"][1], back["gradients"][1], -1)
    assert_trees_close(here["bend"], jax.tree.map(lambda x: x / (2 * STEP), bends), 1e-5)


@networks
def test_at_ties_and_at_the_kink_of_the_activation(net: Architecture) -> None:
    """Images and biases of zero: every input of a ReLU is 0, and every pool's window is tied."""
    with jax.enable_x64(True):
        here = derivatives(net)(all_tied(net), drawn(net, BATCH, 100))
    assert_trees_close(*here["gradients"], 1e-14)
    assert_close(here["slope"], dot(here["gradients"][1], drawn(net, BATCH, 100)), 1e-14)
    assert np.any(here["gradients"][1][0][net.layers[-1].name]["bias"])


@pytest.mark.exhaustive
@networks
def test_in_float32(net: Architecture) -> None:
    """Loss and gradients: as far from each other as rounding makes them."""
    single = jax.tree.map(
        lambda x: np.asarray(x, np.float32), (drawn(net, BATCH, 0), drawn(net, BATCH, 100))
    )
    here = derivatives(net)(*single)
    values, slopes = TOLERANCE["float32"]
    assert_close(*here["values"], values)
    assert_trees_close(*here["gradients"], slopes)


@pytest.mark.exhaustive
@networks
def test_second_derivatives_in_every_order_of_modes(net: Architecture) -> None:
    """Reverse over forward by plain layers, reverse over reverse by either kind; at ties, too."""

    def reverse_twice(plain: bool, arguments: Any, v: Any) -> Any:
        slope = jax.grad(partial(loss, net, plain))
        return jax.grad(lambda a: dot(slope(a), v))(arguments)

    @jax.jit
    def compute(arguments: Any, v: Any) -> Any:
        slope = jax.grad(lambda a: jax.jvp(partial(loss, net, True), (a,), (v,))[1])
        return slope(arguments), *(reverse_twice(plain, arguments, v) for plain in (True, False))

    v = drawn(net, BATCH, 100)
    with jax.enable_x64(True):
        for arguments in (drawn(net, BATCH, 0), all_tied(net)):
            want = derivatives(net)(arguments, v)["bend"]
            for bend in compute(arguments, v):
                assert_trees_close(bend, want, 1e-11)


@pytest.mark.parametrize("net", [pytest.param(tiny(), id="tiny"), *PRESETS])
def test_jacobians(net: Architecture) -> None:
    """Of the logits with respect to the last convolution's biases: column by column in forward
    mode, row by row in reverse mode, and by `linearize`."""
    params, images = drawn(net, BATCH, 0)
    name = [layer.name for layer in net.layers if layer.name.startswith("conv")][-1]

    def logits(bias: jax.Array) -> jax.Array:
        changed = {**params, name: {"kernel": params[name]["kernel"], "bias": bias}}
        return alexnet_jax.forward(net, changed, images, plain=True)

    @jax.jit
    def compute(bias: Any) -> Any:
        columns = jax.vmap(jax.linearize(logits, bias)[1])(jnp.eye(len(bias), dtype=bias.dtype))
        return jax.jacfwd(logits)(bias), jax.jacrev(logits)(bias), jnp.moveaxis(columns, 0, -1)

    with jax.enable_x64(True):
        forward, reverse, linear = compute(params[name]["bias"])
    assert np.any(forward)
    assert_close(forward, reverse, 1e-12)
    assert_close(linear, reverse, 1e-12)


@every_preset
def test_forward_mode_compiles_for_plain_layers_alone(preset: str) -> None:
    """JAX refuses it for the others when a program is lowered, and not before."""
    net = narrow(preset)
    given = abstract(net, BATCH)

    def slope(plain: bool, *arguments: Any) -> Any:
        return jax.jvp(partial(alexnet_jax.forward, net, plain=plain), arguments, arguments)

    assert jax.jit(partial(slope, True)).lower(*given).out_info[1].shape == (BATCH, 4)
    with pytest.raises(TypeError, match=r"forward-mode.*custom_vjp"):
        jax.jit(partial(slope, False)).lower(*given)


def test_the_module_and_the_activations() -> None:
    """Have the slopes of `forward`."""
    net = tiny()
    module = alexnet_jax.AlexNet(net, plain=True)
    (params, images), (_, v) = drawn(net, BATCH, 0), drawn(net, BATCH, 100)

    @jax.jit
    def slopes(images: Any, v: Any) -> Any:
        functions = (
            partial(alexnet_jax.forward, net, params, plain=True),
            partial(module.apply, {"params": params}),
            lambda x: alexnet_jax.activations(net, params, x, plain=True)["logits"],
        )
        return [jax.jvp(function, (images,), (v,))[1] for function in functions]

    with jax.enable_x64(True):
        want, *others = slopes(images, v)
    assert np.any(want)
    for slope in others:
        assert_close(slope, want, 1e-14)
