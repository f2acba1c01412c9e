"""The Linen module: networks by name, their changes, and the dtypes of parameters and images."""

import pickle
import pydoc
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.reference import assert_close, draw
from helpers.runs import NARROW

from alexnet_jax import AlexNet, InputError, architecture, forward, init
from alexnet_jax.network.layers import Dense

KEY = jax.random.key(0)
NET = architecture("small", layers=NARROW)
IMAGES = draw(2, 28, 28, 1)


def test_a_preset_by_name_with_changes() -> None:
    """Every change that `architecture` takes; the attribute is what they make of the preset."""
    assert AlexNet().architecture == architecture("paper")
    assert AlexNet(NET).architecture is NET
    assert AlexNet("owt", classes=10).architecture == architecture("owt", classes=10)
    changes: dict[str, Any] = {
        "image_size": (96, 80), "channels": 1, "init": "owt", "layers": NARROW, "until": "pool5",
        "head": [Dense("fc", 4, "linear")], "classes": 4,
    }  # fmt: skip
    assert AlexNet("paper", **changes).architecture == architecture("paper", **changes)
    assert AlexNet("owt", jnp.bfloat16, jnp.float16, classes=10) == AlexNet(
        architecture("owt", classes=10), dtype=jnp.bfloat16, param_dtype=jnp.float16
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AlexNet("vgg"), "unknown preset 'vgg'"),
        (lambda: AlexNet(NET, classes=3, until="fc6"), "classes, until can change a preset"),
        (lambda: AlexNet(NET.to_json()), "an Architecture or a preset's name, got dict"),  # type: ignore[arg-type]
        (lambda: AlexNet(np.zeros(1000)), "name, got ndarray$"),  # type: ignore[arg-type]
        (lambda: AlexNet("owt", classes=0), "classes must be a whole number > 0, got 0"),
    ],
)
def test_what_is_refused(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


def test_it_is_a_module_like_others() -> None:
    """Copied, pickled, hashed, inside another module, and mapped over an ensemble."""
    net = AlexNet("small", classes=7, layers=NARROW)
    assert net.clone() == net == pickle.loads(pickle.dumps(net))
    assert hash(net.clone()) == hash(net)
    assert net.copy(dtype=jnp.bfloat16).architecture == net.architecture
    assert (net.copy(dtype=jnp.bfloat16).dtype, net.dtype) == (jnp.bfloat16, None)
    with pytest.raises(AttributeError, match="classes"):
        _ = net.classes  # type: ignore[attr-defined]

    class Pair(nn.Module):
        first: nn.Module

        @nn.compact
        def __call__(self, images: jax.Array) -> jax.Array:
            second = AlexNet("small", classes=7, layers=NARROW, name="second")
            return self.first(images) + second(images)

    shapes = jax.eval_shape(Pair(net).init, KEY, jnp.asarray(IMAGES))["params"]
    assert set(shapes) == {"first", "second"}
    assert shapes["first"] == shapes["second"]
    many = nn.vmap(AlexNet, variable_axes={"params": 0}, split_rngs={"params": True}, axis_size=3,
                   in_axes=None)  # fmt: skip
    ensemble = many("small", classes=7, layers=NARROW)
    kernel = jax.eval_shape(ensemble.init, KEY, jnp.asarray(IMAGES))["params"]["fc8"]["kernel"]
    assert kernel.shape == (3, 16, 7)


def test_help_and_repr_are_short() -> None:
    """They name a network, and do not print its table."""
    text = pydoc.plain(pydoc.render_doc(AlexNet))
    assert "architecture: 'Architecture' = 'paper'" in text
    assert "LRN(" not in text
    assert repr(AlexNet("owt", classes=10)) == (
        "AlexNet(\n    # attributes\n"
        "    architecture = Architecture('owt', 224x224x3, 13 layers, 10 classes)\n"
        "    dtype = None\n    param_dtype = float32\n    plain = False\n)"
    )


@pytest.mark.parametrize(
    ("dtype", "param_dtype", "images", "result"),
    [
        (None, "float32", "bfloat16", "float32"),
        (None, "bfloat16", "bfloat16", "bfloat16"),
        (None, "float16", "bfloat16", "float32"),
        ("bfloat16", "float32", "float32", "bfloat16"),
        ("bfloat16", "float32", "bfloat16", "bfloat16"),
        ("float32", "bfloat16", "float16", "float32"),
        ("float64", "float32", "float32", "float64"),
        (None, "float64", "float32", "float64"),
    ],
)
def test_dtypes_are_those_of_flax(
    dtype: str | None, param_dtype: str, images: str, result: str
) -> None:
    """Of parameters and logits, as `nn.Dense` has them; also under strict promotion."""
    with jax.enable_x64("float64" in (dtype, param_dtype)):
        x = jax.ShapeDtypeStruct((2, 28, 28, 1), images)
        net = AlexNet(NET, dtype, param_dtype)
        logits, variables = jax.eval_shape(net.init_with_output, KEY, x)
        assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(param_dtype)}
        assert logits.dtype == jnp.dtype(result)
        with jax.numpy_dtype_promotion("standard"):
            dense = nn.Dense(3, dtype=dtype, param_dtype=param_dtype)
            flax, kernel = jax.eval_shape(dense.init_with_output, KEY, x)
        assert flax.dtype == logits.dtype
        assert kernel["params"]["kernel"].dtype == jnp.dtype(param_dtype)
        outputs = partial(net.apply, method="activations", layers=("conv1",))
        assert jax.eval_shape(outputs, variables, x)["conv1"].dtype == jnp.dtype(result)


def test_images_of_another_dtype_are_converted() -> None:
    """bfloat16 images into float32 parameters give the float32 logits of their values; bfloat16
    computation gives `forward`'s; arrays of NumPy, in float64, are float32 as in JAX."""
    params = jax.jit(partial(init, NET))(KEY)
    rough = jnp.asarray(IMAGES, jnp.bfloat16)
    half = partial(jax.tree.map, lambda leaf: leaf.astype(jnp.bfloat16))

    @jax.jit
    def logits(params: Any) -> list[jax.Array]:
        return [
            AlexNet(NET).apply({"params": params}, rough),
            forward(NET, params, rough.astype(jnp.float32)),
            AlexNet(NET, jnp.bfloat16).apply({"params": params}, rough.astype(jnp.float32)),
            forward(NET, half(params), rough),
        ]

    mixed, single, low, functional = logits(params)
    np.testing.assert_array_equal(mixed, single)
    np.testing.assert_array_equal(low, functional)
    assert_close(low, single, 5e-2)
    single_precision = AlexNet(NET).bind({"params": params}).activations(IMAGES, ("conv1",))
    assert single_precision["conv1"].dtype == jnp.float32
