"""What a network sees: receptive fields, strongest images, attributions, what towers read."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.random_params import random_params
from helpers.reference import assert_close, draw

from alexnet_jax import architecture, forward
from alexnet_jax.analysis.attribution import class_gradients, guided_relu, occlusion_map
from alexnet_jax.analysis.strongest_patches import make_peaks, strongest
from alexnet_jax.analysis.tower_shares import tower_shares
from alexnet_jax.errors import InputError
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Dense
from alexnet_jax.network.receptive import Field, receptive_fields

MAPS = {"conv1": 4, "conv2": 8, "conv3": 8, "conv4": 8, "conv5": 8, "fc6": 12, "fc7": 12}
NET = architecture(
    "small", image_size=24, channels=3, layers={name: {"maps": m} for name, m in MAPS.items()}
)


@pytest.fixture(scope="module")
def params() -> Any:
    return random_params(NET)


@pytest.fixture(scope="module")
def views() -> jax.Array:
    return jnp.asarray(draw(5, 24, 24, 3, seed=4), jnp.float32)


def test_fields_of_the_papers_network() -> None:
    """Sizes and strides as they are widely tabled; starts by the paddings 2, 1, 1, 1."""
    fields = receptive_fields(architecture("paper"))
    sizes = {name: (field.size, field.stride) for name, field in fields.items()}
    assert sizes == {
        "conv1": (11, 4), "lrn1": (11, 4), "pool1": (19, 8), "conv2": (51, 8), "lrn2": (51, 8),
        "pool2": (67, 16), "conv3": (99, 16), "conv4": (131, 16), "conv5": (163, 16),
        "pool5": (195, 32),
    }  # fmt: skip
    assert [fields[name].start for name in ("pool1", "conv2", "conv3", "conv5")] == [
        0,
        -16,
        -32,
        -64,
    ]
    assert Field(163, 16, -64).clipped(0, 227) == (0, 99)
    assert Field(163, 16, -64).clipped(12, 227) == (128, 227)


@pytest.mark.parametrize("layer", ["conv2", "pool2", "conv5"])
@pytest.mark.parametrize("unit", [0, 1])
def test_gradients_fill_the_field_and_no_more(
    layer: str, unit: int, params: Any, views: jax.Array
) -> None:
    """The pixels that all maps of one place depend on span its field, where nothing is clipped."""

    def chosen(images: jax.Array) -> jax.Array:
        found: dict[str, jax.Array] = {}
        forward(NET, params, images, capture=found, rectify=lambda x: x)
        return jnp.sum(found[layer][:, unit, unit])

    grads = np.abs(np.asarray(jax.jit(jax.grad(chosen))(views))).sum((0, 2, 3))
    first, end = receptive_fields(NET)[layer].clipped(unit, 24)
    assert not grads[:first].any()
    assert not grads[end:].any()
    reached = np.flatnonzero(grads)
    # A pool picks one of its places, so the edge may miss by a pixel or two of its windows.
    assert reached[0] - first <= 2
    assert end - 1 - reached[-1] <= 2


def test_strongest_against_all_activations(params: Any) -> None:
    images = jnp.asarray(draw(11, 24, 24, 3, seed=8), jnp.float32)
    found: dict[str, jax.Array] = {}
    forward(NET, params, images, capture=found)
    maps = np.asarray(found["conv3"])
    got = strongest(
        make_peaks(NET, "conv3"),
        params,
        (images[start : start + 4] for start in (0, 4, 8)),
        width=maps.shape[2],
        count=3,
    )
    for one in range(maps.shape[3]):
        peaks = maps[..., one].max((1, 2))
        order = np.argsort(-peaks, kind="stable")[:3]
        np.testing.assert_array_equal(got.images[one], order)
        assert_close(got.values[one], peaks[order], 1e-5)
        for image, place in zip(order, got.places[one], strict=True):
            assert maps[(image, *place, one)] == pytest.approx(peaks[image], rel=1e-5)


def test_layers_without_maps_are_refused() -> None:
    for name in ("fc6", "conv9"):
        with pytest.raises(InputError, match=rf"small has no maps in '{name}'; .*there are conv1"):
            make_peaks(NET, name)


def test_guided_relu_passes_positive_gradients_of_positive_inputs() -> None:
    x = jnp.asarray([-1.0, 2.0, 3.0, 0.0])
    y, pull = jax.vjp(guided_relu, x)
    np.testing.assert_array_equal(y, [0, 2, 3, 0])
    np.testing.assert_array_equal(pull(jnp.asarray([5.0, 6.0, -7.0, 8.0]))[0], [0, 6, 0, 0])


def test_gradients_by_hand() -> None:
    """Two dense layers, one class: W1 diag(gate) w2, where the guided gate also wants w2 > 0."""
    net = Architecture(
        "hand", 2, 1, 2, (Dense("fc1", 6), Dense("fc2", 2, activation="linear")), towers=1
    )
    w1, w2 = draw(4, 6, seed=1), draw(6, 2, seed=2)
    params = {
        "fc1": {"kernel": jnp.asarray(w1, jnp.float32), "bias": jnp.zeros(6, jnp.float32)},
        "fc2": {"kernel": jnp.asarray(w2, jnp.float32), "bias": jnp.zeros(2, jnp.float32)},
    }
    x = draw(3, 2, 2, 1, seed=5)
    classes = np.int32([0, 1, 1])
    for guided in (False, True):
        found = class_gradients(net, params, jnp.asarray(x, jnp.float32), classes, guided)
        for image, label, got in zip(x, classes, found, strict=True):
            gate = (image.ravel() @ w1 > 0) & ((w2[:, label] > 0) | (not guided))
            assert_close(got.ravel(), w1 @ (gate * w2[:, label]), 1e-5)


def test_occlusion_against_covering_by_hand(params: Any, views: jax.Array) -> None:
    found = occlusion_map(NET, params, views[0], 7, side=5, stride=6)
    assert found.shape == (4, 4)
    for row in range(4):
        for column in range(4):
            covered = np.array(views[0])
            top, left = (max(0, 6 * place - 2) for place in (row, column))
            covered[top : 6 * row + 3, left : 6 * column + 3] = 0
            logits = np.asarray(forward(NET, params, covered[None]), np.float64)[0]
            want = np.exp(logits[7]) / np.exp(logits).sum()
            assert found[row, column] == pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize(("name", "value"), [("side", 0), ("side", 25), ("stride", 0)])
def test_squares_that_do_not_fit(name: str, value: int, params: Any, views: jax.Array) -> None:
    sizes = {"side": 5, "stride": 6, name: value}
    with pytest.raises(InputError, match=f"{name} must lie in 1 to 24, got {value}"):
        occlusion_map(NET, params, views[0], 0, **sizes)


def test_tower_shares_by_zeroing_maps(params: Any, views: jax.Array) -> None:
    """conv3 by an explicit sum over its windows, fc6 and the classifier by products."""
    found = tower_shares(NET, params, views)
    assert {name: value.shape for name, value in found.items()} == {
        "conv3": (2, 2), "fc6": (2, 2), "fc7": (2, 2), "fc8": (2, 1),
    }  # fmt: skip
    kept: dict[str, jax.Array] = {}
    forward(NET, params, views, capture=kept)
    x = np.pad(np.asarray(kept["pool2"], np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = np.asarray(params["conv3"]["kernel"], np.float64)
    side = kept["conv3"].shape[1]
    for source in (0, 1):
        own = slice(4 * source, 4 * source + 4)
        y = sum(
            np.einsum("bhwc,cm->bhwm", x[:, p : p + side, q : q + side, own], kernel[p, q, own])
            for p in range(3)
            for q in range(3)
        )
        for target in (0, 1):
            want = np.square(y[..., 4 * target : 4 * target + 4]).mean()
            assert found["conv3"][source, target] == pytest.approx(want, rel=1e-4)
    last, kernel = np.asarray(kept["dropout7"], np.float64), np.asarray(params["fc8"]["kernel"])
    for source in (0, 1):
        own = slice(6 * source, 6 * source + 6)
        want = np.square(last[:, own] @ kernel[own]).mean()
        assert found["fc8"][source, 0] == pytest.approx(want, rel=1e-4)


def test_one_tower_meets_nobody(views: jax.Array) -> None:
    with pytest.raises(InputError, match="owt has 1 tower"):
        tower_shares(architecture("owt"), {}, views)
