"""What the training step computes in, read off its traced program."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers.runs import CONFIG, NARROW, STATISTICS, make_batch

from alexnet_jax import ops
from alexnet_jax.inference import make_logits
from alexnet_jax.network.forward import activations, forward
from alexnet_jax.network.layers import Conv
from alexnet_jax.network.module import init
from alexnet_jax.network.presets import architecture, list_presets
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.training.state import init_state
from alexnet_jax.training.step import make_train_step


def equations(jaxpr: Any) -> Iterator[Any]:
    """Every equation of a traced program, those of the functions it calls too."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda leaf: hasattr(leaf, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def dtypes(equation: Any) -> set[str]:
    found = {str(getattr(var.aval, "dtype", "none")) for var in equation.invars + equation.outvars}
    return {name for name in found if "float" in name}


@pytest.mark.parametrize("preset", list_presets())
def test_every_product_of_a_bfloat16_network_is_in_bfloat16(preset: str) -> None:
    """On an accelerator, forward and backward: three products a group of a layer."""
    net = architecture(preset, classes=10)
    params = jax.eval_shape(lambda key: init(net, key, jnp.bfloat16), jax.random.key(0))
    shape = (2, net.image_size, net.image_size, net.channels)
    images = jax.ShapeDtypeStruct(shape, jnp.bfloat16)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))

    def loss(params: Any, images: Any, keys: Any) -> jax.Array:
        labels = jnp.zeros(2, jnp.int32)
        return jnp.mean(ops.cross_entropy(forward(net, params, images, keys=keys), labels))

    traced = jax.jit(jax.value_and_grad(loss)).trace(params, images, keys)
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    found = re.findall(r"stablehlo\.(?:convolution|dot_general).* : \((.*)\) ->", text)
    learning = [layer for layer in net.layers if layer.name in params]
    convolutions = sum(layer.groups for layer in learning if isinstance(layer, Conv))
    dense = sum(not isinstance(layer, Conv) for layer in learning)
    # Without the input gradient of the first convolution.
    assert len(found) == 3 * (convolutions + dense) - 1
    assert all(operands.count("xbf16>") == 2 for operands in found)
    value, grads = traced.out_info[0], jax.tree.leaves(traced.out_info[1])
    assert value.dtype == jnp.float32
    assert {leaf.dtype for leaf in grads} == {jnp.dtype(jnp.bfloat16)}
    seen = jax.eval_shape(lambda p, x: activations(net, p, x), params, images)
    assert {leaf.dtype for leaf in seen.values()} == {jnp.dtype(jnp.bfloat16)}


def test_norms_of_a_bfloat16_network_compute_in_float32() -> None:
    """The power is taken in float32, forward and backward."""
    x = jax.ShapeDtypeStruct((2, 5, 5, 8), jnp.bfloat16)
    norms = (ops.local_response_norm, ops.map_response_norm)
    for norm in norms:
        traced = jax.make_jaxpr(jax.grad(lambda x, f=norm: jnp.sum(f(x))))(x)
        powers = [
            eqn
            for eqn in equations(traced.jaxpr)
            if eqn.primitive.name in ("pow", "rsqrt", "sqrt", "exp", "log", "div")
        ]
        assert powers
        assert {name for eqn in powers for name in dtypes(eqn)} == {"float32"}


@pytest.mark.parametrize(
    ("dtype", "allowed"),
    [
        ("float32", {"float32"}),
        ("bfloat16", {"float32", "bfloat16"}),
    ],
)
def test_no_step_goes_beyond_what_it_was_asked(dtype: Any, allowed: set[str]) -> None:
    """Not a value in float64, though float64 is on and every constant of Python's is one.

    Random crops on a TPU are products in bfloat16 in every network; they are left out of the first.
    """
    with jax.enable_x64(True):
        config = dataclasses.replace(
            CONFIG,
            dtype=dtype,
            random_crop=dtype == "bfloat16",
            mirror=True,
            colour_noise=0.1,
            ema=0.9,
        )
        net = architecture("small", layers=NARROW)
        place = topology("one_device", net)
        state = jax.eval_shape(lambda: init_state(net, config, place))
        step = make_train_step(net, config, place, 100.0)
        traced = jax.make_jaxpr(step)(state, make_batch(0), STATISTICS)
    large = [
        name
        for eqn in equations(traced.jaxpr)
        for var in eqn.outvars
        if getattr(var.aval, "ndim", 0) > 0 and "float" in (name := str(var.aval.dtype))
    ]
    assert set(large) == allowed


def is_sum(eqn: Any) -> bool:
    """Whether a factor of a product is zeros and ones: for sums in a normalization, or a bias."""
    if eqn.primitive.name != "dot_general":
        return False
    (contracted, _), _ = eqn.params["dimension_numbers"]
    vector = any(var.aval.ndim <= 1 for var in (*eqn.invars, *eqn.outvars))
    of_maps = eqn.invars[0].aval.ndim == 4  # dense layers multiply [B, units]
    return not contracted or vector or of_maps


@pytest.mark.parametrize("precision", ["default", "highest"])
def test_products_of_a_step_and_of_an_evaluation_are_as_precise_as_asked(precision: str) -> None:
    """All float32 ones, forward and backward; those that crop, add a bias or sum the windows of a
    normalization are exact in any precision."""
    config = dataclasses.replace(CONFIG, precision=precision)
    net = architecture("small", layers=NARROW)
    place = topology("one_device", net)
    state = jax.eval_shape(lambda: init_state(net, config, place))
    step = make_train_step(net, config, place, 100.0)
    evaluation = make_logits(
        net, place, pixel_scale=1.0, dtype=config.dtype, precision=config.precision
    )
    programs = (
        jax.make_jaxpr(step)(state, make_batch(0), STATISTICS),
        jax.make_jaxpr(evaluation)(state.params, make_batch(0)["image"], STATISTICS),
    )
    for program, layers in zip(programs, (3 * 8 - 1, 8), strict=True):
        products = [
            eqn
            for eqn in equations(program.jaxpr)
            if eqn.primitive.name in ("dot_general", "conv_general_dilated")
            and dtypes(eqn) == {"float32"}
            and not is_sum(eqn)
        ]
        assert len(products) >= layers
        highest = jax.lax.Precision.HIGHEST
        wanted = (highest, highest) if precision == "highest" else None
        assert {eqn.params["precision"] for eqn in products} == {wanted}
