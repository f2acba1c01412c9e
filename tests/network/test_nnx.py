"""The network as an nnx module: the numbers of the Linen module, and the habits of Flax NNX."""

import pickle
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from helpers.runs import NARROW

import alexnet_jax
from alexnet_jax import AlexNet, InputError, ops

IMAGES = np.random.default_rng(0).standard_normal((4, 28, 28, 1)).astype(np.float32)
LABELS = np.array([0, 1, 2, 1], np.int32)


def small(**settings: Any) -> alexnet_jax.nnx.AlexNet:
    return alexnet_jax.nnx.AlexNet(
        "small", classes=3, layers=NARROW, rngs=nnx.Rngs(params=1, dropout=2), **settings
    )


def variables_of(model: alexnet_jax.nnx.AlexNet) -> Any:
    return nnx.to_pure_dict(nnx.state(model, nnx.Param))


@nnx.jit
def logits_of(model: alexnet_jax.nnx.AlexNet) -> jax.Array:
    return model(IMAGES)


def test_numbers_are_those_of_the_linen_module() -> None:
    """Initial values, logits, chosen activations, and gradients in training."""
    model, net = small(), AlexNet("small", classes=3, layers=NARROW)
    assert model.architecture == net.architecture
    variables = variables_of(model)
    key = nnx.Rngs(params=1).params()
    drawn = jax.jit(lambda key: alexnet_jax.init(net.architecture, key))(key)
    chex.assert_trees_all_equal(variables, {"params": drawn})
    chex.assert_trees_all_equal(logits_of(model), jax.jit(net.apply)(variables, IMAGES))
    chosen = nnx.jit(lambda model: model.activations(IMAGES, ("pool2", "fc6")))(model)
    same = jax.jit(lambda v: net.apply(v, IMAGES, layers=("pool2", "fc6"), method="activations"))(
        variables
    )
    chex.assert_trees_all_equal(chosen, same)
    masks = jax.random.split(nnx.Rngs(dropout=2).dropout.fork()(), len(IMAGES))

    def loss(params: Any) -> jax.Array:
        logits = alexnet_jax.forward(net.architecture, params, jnp.asarray(IMAGES), keys=masks)
        return ops.cross_entropy(logits, LABELS).mean()

    model.train()
    of_model = nnx.grad(lambda model: ops.cross_entropy(model(IMAGES), LABELS).mean())
    found = nnx.jit(of_model)(model)
    expected = jax.jit(jax.grad(loss))(variables["params"])
    chex.assert_trees_all_close(nnx.to_pure_dict(found), {"params": expected}, rtol=1e-5, atol=1e-7)


def test_weights_of_a_linen_module_are_loaded() -> None:
    net = AlexNet("small", classes=3, layers=NARROW)
    variables = jax.jit(net.init)(jax.random.key(7), IMAGES)
    model = small()
    nnx.update(model, variables)
    chex.assert_trees_all_equal(logits_of(model), jax.jit(net.apply)(variables, IMAGES))


def test_it_trains_by_the_tools_of_nnx() -> None:
    """An optimizer under nnx.jit: the loss falls, each step draws masks of its own, and the trained
    module is split, merged and pickled without a change."""
    model = small()
    optimizer = nnx.Optimizer(model, optax.sgd(0.02, momentum=0.9), wrt=nnx.Param)

    @nnx.jit
    def step(
        model: alexnet_jax.nnx.AlexNet, optimizer: nnx.Optimizer[Any]
    ) -> tuple[jax.Array, jax.Array]:
        def loss(model: alexnet_jax.nnx.AlexNet) -> tuple[jax.Array, jax.Array]:
            logits = model(IMAGES)
            return ops.cross_entropy(logits, LABELS).mean(), logits

        (value, logits), gradients = nnx.value_and_grad(loss, has_aux=True)(model)
        optimizer.update(model, gradients)
        return value, logits

    before = ops.cross_entropy(logits_of(model), LABELS).mean()
    model.train()
    assert not np.array_equal(logits_of(model), logits_of(model))
    for _ in range(200):
        step(model, optimizer)
    model.eval()
    logits = logits_of(model)
    assert ops.cross_entropy(logits, LABELS).mean() < 0.5 * before
    merged = nnx.merge(*nnx.split(model))
    chex.assert_trees_all_equal(logits_of(merged), logits)
    chex.assert_trees_all_equal(logits_of(pickle.loads(pickle.dumps(model))), logits)


def test_dtypes_and_plain_layers() -> None:
    def dtype_of(model: alexnet_jax.nnx.AlexNet, images: Any) -> Any:
        return jax.eval_shape(model, images).dtype

    assert dtype_of(small(), IMAGES.astype(jnp.bfloat16)) == jnp.float32
    half = small(dtype=jnp.bfloat16)
    assert dtype_of(half, IMAGES) == jnp.bfloat16
    assert variables_of(half)["params"]["conv1"]["kernel"].dtype == jnp.float32
    stored = variables_of(small(param_dtype=jnp.bfloat16))
    assert stored["params"]["conv1"]["kernel"].dtype == jnp.bfloat16
    plain = small(plain=True)
    tangent = jax.eval_shape(lambda x: jax.jvp(plain, (x,), (x,))[1], IMAGES)
    assert tangent.shape == (4, 3)


def test_refusals() -> None:
    with pytest.raises(InputError, match="unknown preset 'papr'; did you mean 'paper'"):
        alexnet_jax.nnx.AlexNet("papr", rngs=nnx.Rngs(0))
    with pytest.raises(InputError, match="classes can change a preset that is given by its name"):
        alexnet_jax.nnx.AlexNet(alexnet_jax.architecture("small"), classes=3, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"\[B, 28, 28, 1\]"):
        small()(np.zeros((1, 32, 32, 1), np.float32))
