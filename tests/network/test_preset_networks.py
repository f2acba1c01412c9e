"""The other presets against networks built by hand, and what their tables say."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference, reference_norms
from helpers.random_params import random_params
from helpers.reference import assert_close, cross_entropy_vjp, draw
from helpers.reference_presets import NETWORKS
from jax.test_util import check_grads

import alexnet_jax
from alexnet_jax import ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import BiasRule
from alexnet_jax.network.summary import rows

# Sizes that leave maps of 15 x 19 after conv1, and for source2012 an overhang of three rows and
# columns.
SIZES = {
    "source2012": (64, 80), "caffe_alexnet": (67, 83), "caffenet": (83, 67), "one_gpu": (67, 83),
    "owt": (79, 63),
}  # fmt: skip
MAPS = {"conv1": 8, "conv2": 12, "conv3": 8, "conv4": 12, "conv5": 8, "fc6": 10, "fc7": 6}
BATCH = 3


def narrow(preset: str) -> Architecture:
    layers: dict[str, dict[str, object]] = {
        name: {"maps": maps, "std": 0.3} for name, maps in MAPS.items()
    }
    return alexnet_jax.architecture(
        preset, image_size=SIZES[preset], classes=5, layers={**layers, "fc8": {"std": 0.3}}
    )


def drawn_masks(net: Architecture, keys: Any) -> tuple[np.ndarray, np.ndarray]:
    """The masks that the two dropout layers draw from an example's key folded with their place."""
    masks = []
    for index, placed in enumerate(net.placed()):
        if placed.layer.name.startswith("dropout"):
            draws = [
                jax.random.uniform(jax.random.fold_in(key, index), placed.output, jnp.float32)
                for key in keys
            ]
            masks.append(np.stack([np.asarray(d) < 0.5 for d in draws]).astype(float))
    return masks[0], masks[1]


@pytest.mark.parametrize("preset", sorted(NETWORKS))
def test_network_matches_numpy(preset: str) -> None:
    """Activations of every layer in testing, and every gradient in training, in float64."""
    net = narrow(preset)
    labels = np.array([0, 4, 2], np.int32)

    def loss(params: Any, images: jax.Array, keys: Any) -> jax.Array:
        logits = alexnet_jax.forward(net, params, images, keys=keys)
        return jnp.sum(ops.cross_entropy(logits, labels))

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(5), BATCH)
        params = random_params(net, jnp.float64)
        images = jnp.asarray(10 * draw(BATCH, *net.input_shape), jnp.float64)
        found = jax.jit(lambda p, x: alexnet_jax.activations(net, p, x))(params, images)
        masks = drawn_masks(net, keys)
        grads, dimages = jax.jit(jax.grad(loss, (0, 1)))(params, images, keys)
    wanted = NETWORKS[preset](params, images).activations
    assert {*found} == {*wanted} - {"fc8"}
    for name, value in found.items():
        assert_close(value, wanted[name], 1e-12)
    trained = NETWORKS[preset](params, images, masks)
    dlogits = cross_entropy_vjp(trained.activations["logits"], labels, np.ones(BATCH))[0]
    dwanted = trained.backward(dlogits)
    height, width, _ = net.input_shape
    assert_close(dimages, dwanted[:, :height, :width], 1e-11)
    for name, leaves in trained.gradients.items():
        for leaf, value in leaves.items():
            assert_close(grads[name][leaf], value, 1e-11)


def test_224_of_2012_is_227_with_zeros() -> None:
    """Bit for bit: three zero rows and columns at the bottom and right."""
    small, large = (
        alexnet_jax.architecture(
            "source2012",
            image_size=size,
            classes=5,
            layers={n: {"maps": m} for n, m in MAPS.items()},
        )
        for size in (224, 227)
    )
    params = random_params(small)
    images = jnp.asarray(60 * draw(1, 224, 224, 3), jnp.float32)
    padded = jnp.pad(images, ((0, 0), (0, 3), (0, 3), (0, 0)))
    np.testing.assert_array_equal(
        jax.jit(lambda x: alexnet_jax.forward(small, params, x))(images),
        jax.jit(lambda x: alexnet_jax.forward(large, params, x))(padded),
    )


@pytest.mark.parametrize(
    ("preset", "parameters", "macs"),
    [
        ("paper", 60_965_224, 724_406_816),
        ("source2012", 60_965_224, 724_406_816),
        ("caffe_alexnet", 60_965_224, 724_406_816),
        ("caffenet", 60_965_224, 724_406_816),
        ("one_gpu", 59_798_312, None),
        ("owt", 61_100_840, 714_188_480),
    ],
)
def test_counts(preset: str, parameters: int, macs: int | None) -> None:
    table = rows(alexnet_jax.architecture(preset))
    assert sum(row.parameters for row in table) == parameters
    if macs is not None:
        assert sum(row.macs for row in table) == macs
    outputs = {row.name: row.output for row in table}
    assert outputs["conv1"].startswith("55 x 55 x ")
    assert outputs["pool5"] == "6 x 6 x 256"


def test_owt_counts_by_layer() -> None:
    table = [row.parameters for row in rows(alexnet_jax.architecture("owt")) if row.parameters]
    assert table == [
        23_296, 307_392, 663_936, 884_992, 590_080, 37_752_832, 16_781_312, 4_097_000,
    ]  # fmt: skip


def test_bias_rules() -> None:
    rules = {name: alexnet_jax.architecture(name).biases for name in alexnet_jax.list_presets()}
    twice = BiasRule(rate=2.0, decay=False)
    assert rules["source2012"] == rules["caffe_alexnet"] == rules["caffenet"] == twice
    assert rules["paper"] == rules["owt"] == rules["one_gpu"] == BiasRule(1.0, True)


@pytest.mark.parametrize(
    ("preset", "stds", "biases"),
    [
        ("source2012", [0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01], [0, 1, 0, 1, 1, 1, 1, 0]),
        (
            "caffe_alexnet",
            [0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.01],
            [0, 0.1, 0, 0.1, 0.1, 0.1, 0.1, 0],
        ),
        (
            "caffenet",
            [0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.01],
            [0, 1, 0, 1, 1, 1, 1, 0],
        ),
    ],
)
def test_initial_values(preset: str, stds: list[float], biases: list[float]) -> None:
    net = alexnet_jax.architecture(
        preset, classes=64, layers={"fc6": {"maps": 64}, "fc7": {"maps": 64}}
    )
    params = jax.jit(lambda key: alexnet_jax.init(net, key))(jax.random.key(3))
    for (name, layer), std, bias in zip(params.items(), stds, biases, strict=True):
        kernel = np.asarray(layer["kernel"], np.float64)
        assert abs(kernel.std() / std - 1) < 5 / np.sqrt(2 * kernel.size), name
        np.testing.assert_array_equal(layer["bias"], np.full(kernel.shape[-1], bias, np.float32))


def test_torch_initial_values() -> None:
    """U(-1/sqrt(fan-in), 1/sqrt(fan-in)) for kernels and biases."""
    net = alexnet_jax.architecture("owt", classes=64, layers={"fc6": {"maps": 64}})
    params = jax.jit(lambda key: alexnet_jax.init(net, key))(jax.random.key(3))
    for layer in params.values():
        bound = 1 / np.sqrt(np.prod(layer["kernel"].shape[:-1]))
        kernel = np.asarray(layer["kernel"], np.float64) / bound
        bias = np.asarray(layer["bias"], np.float64) / bound
        for values in (kernel, bias):
            assert np.abs(values).max() <= 1 + 1e-6
            error = 5 / np.sqrt(values.size)
            assert abs(values.mean()) < error
            assert abs(values.std() * np.sqrt(3) - 1) < error
        assert np.abs(kernel).max() > 0.99


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_map_response_norm(size: int) -> None:
    """Forward and backward against NumPy, finite differences, leading axes, dtypes."""
    rule = {"size": size, "k": 1.5, "alpha": 0.3, "beta": 0.75}
    x, dy = draw(2, 6, 4, 3), draw(2, 6, 4, 3, seed=1)
    norm = jax.jit(partial(ops.map_response_norm, **rule))

    @jax.jit
    def both(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, pull = jax.vjp(norm, x)
        return y, pull(dy)[0]

    with jax.enable_x64(True):
        y, dx = both(jnp.asarray(x), jnp.asarray(dy))
        assert_close(y, reference_norms.map_norm(x, **rule), 1e-12)
        assert_close(dx, reference_norms.map_norm_vjp(x, dy, **rule), 1e-12)
        check_grads(norm, (jnp.asarray(x[0]),), order=2, modes=("rev",))
    rough = norm(jnp.asarray(x, jnp.bfloat16))
    assert rough.dtype == jnp.bfloat16
    assert_close(rough, reference.float64(y), 2e-2)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"size": 4}, "size must be odd, got 4"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"k": 0.0}, "k is out of range, got 0.0"),
        ({"alpha": -1.0}, "alpha is out of range, got -1.0"),
        ({"beta": float("nan")}, "beta is out of range, got nan"),
    ],
)
def test_map_response_norm_refuses(change: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ops.map_response_norm(jnp.ones((2, 2, 1)), **change)
