"""The network refuses images that are not what it takes, and says what they are."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alexnet_jax

SMALL = alexnet_jax.architecture("small")
NET = alexnet_jax.AlexNet(SMALL)
KEY = jax.random.key(0)


def parameters(architecture: alexnet_jax.Architecture) -> Any:
    return jax.eval_shape(lambda key: alexnet_jax.init(architecture, key), KEY)


PARAMS = parameters(SMALL)


def _apply(params: Any, images: jax.Array) -> Any:
    return NET.apply({"params": params}, images)


def _apply_training(params: Any, images: jax.Array) -> Any:
    return NET.apply({"params": params}, images, train=True, rngs={"dropout": KEY})


def _init(_: Any, images: jax.Array) -> Any:
    return NET.init(KEY, images)


def _activations(params: Any, images: jax.Array) -> Any:
    return alexnet_jax.activations(SMALL, params, images)


def _forward(params: Any, images: jax.Array) -> Any:
    return alexnet_jax.forward(SMALL, params, images)


DOORS = {
    "apply": _apply,
    "apply training": _apply_training,
    "init": _init,
    "activations": _activations,
    "forward": _forward,
}
door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def images(*shape: int, dtype: Any = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


@door
def test_right_images_are_taken(door: Callable[[Any, Any], Any]) -> None:
    jax.eval_shape(door, PARAMS, images(2, 28, 28, 1))


@door
@pytest.mark.parametrize(
    "shape",
    [
        (),
        (28,),
        (28, 28),
        (28, 28, 1),
        (2, 28, 28),
        (2, 28, 28, 1, 1),
        (2, 27, 28, 1),
        (2, 28, 29, 1),
        (2, 32, 32, 1),
        (2, 1, 28, 28),
        (2, 28, 28, 3),
        (2, 28, 28, 0),
    ],
    ids=str,
)
def test_shapes(door: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))) as caught:
        jax.eval_shape(door, PARAMS, images(*shape))
    assert "28, 28, 1" in str(caught.value).replace(str(shape), "")


@door
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "complex64"])
def test_dtypes(door: Callable[[Any, Any], Any], dtype: str) -> None:
    with pytest.raises(TypeError, match=rf"\b{dtype}\b"):
        jax.eval_shape(door, PARAMS, images(2, 28, 28, 1, dtype=dtype))


@pytest.mark.parametrize("name", ["activations", "forward"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_functions_refuse_another_dtype_than_the_parameters(name: str, dtype: str) -> None:
    with pytest.raises(TypeError, match=rf"\b{dtype}\b") as caught:
        jax.eval_shape(DOORS[name], PARAMS, images(2, 28, 28, 1, dtype=dtype))
    assert re.search(r"\bconv1/(kernel|bias) is float32\b", str(caught.value))
    assert "\n" not in str(caught.value)


def test_numpy_arrays_are_checked_alike() -> None:
    params = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), PARAMS)
    with pytest.raises(TypeError, match="uint8"):
        _apply(params, np.zeros((2, 28, 28, 1), np.uint8))
    with pytest.raises(ValueError, match=re.escape("(28, 28, 1)")):
        _activations(params, np.zeros((28, 28, 1), np.float32))


def test_the_paper_takes_227_pixels_and_not_224() -> None:
    paper = alexnet_jax.AlexNet()
    params = parameters(paper.architecture)
    call = lambda params, x: paper.apply({"params": params}, x)  # noqa: E731
    assert jax.eval_shape(call, params, images(2, 227, 227, 3)).shape == (2, 1000)
    with pytest.raises(ValueError, match=r"227.*224"):
        jax.eval_shape(call, params, images(2, 224, 224, 3))


@pytest.mark.parametrize("preset", alexnet_jax.list_presets())
def test_a_batch_of_no_images_has_no_logits(preset: Any) -> None:
    """Nor anything to add to the gradients, in testing and in training."""
    net = alexnet_jax.architecture(preset)
    images = jax.ShapeDtypeStruct((0, *net.input_shape), jnp.float32)

    def both(params: Any, images: jax.Array) -> Any:
        keys = jax.random.split(KEY, 0)

        def total(params: Any) -> tuple[jax.Array, jax.Array]:
            logits = alexnet_jax.forward(net, params, images, keys=keys)
            return logits.sum(), alexnet_jax.forward(net, params, images)

        return jax.grad(total, has_aux=True)(params)

    _, logits = jax.eval_shape(both, parameters(net), images)
    assert logits.shape == (0, net.classes)
    if preset == "small":
        drawn = jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), parameters(net))
        found, logits = jax.jit(both)(drawn, jnp.zeros((0, *net.input_shape)))
        assert all((leaf == 0).all() for leaf in jax.tree.leaves(found))
        assert logits.shape == (0, 10)
