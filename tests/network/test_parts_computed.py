"""What parts of a network compute: as the whole does so far, chosen layers, on every topology."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.parts import HEAD, IMAGES, NET
from helpers.random_params import random_params
from helpers.reference import assert_close, draw, float64
from helpers.runs import NARROW
from helpers.spread import FEW, spread_over

import alexnet_jax
from alexnet_jax import InputError
from alexnet_jax.inference.activations import make_activations
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import activations, forward
from alexnet_jax.network.presets import architecture

CUTS = ("conv1", "lrn2", "pool5", "fc6", "dropout7")


@pytest.fixture(scope="module")
def params() -> Any:
    return random_params(NET)


@pytest.fixture(scope="module")
def whole(params: Any) -> dict[str, np.ndarray]:
    """Every layer's output, from one pass."""
    return jax.device_get(jax.jit(partial(activations, NET))(params, IMAGES))


def test_a_part_computes_what_the_whole_does_so_far(params: Any, whole: Any) -> None:
    """And its gradient is that of the layer in the whole: with steps recomputed, and without."""

    @jax.jit
    def parts(params: Any) -> Any:
        outputs = {name: forward(NET.until(name), params, IMAGES) for name in CUTS}
        of_part = jax.grad(lambda p: jnp.sum(forward(NET.until("pool2"), p, IMAGES) ** 2))(params)
        of_whole = jax.grad(lambda p: jnp.sum(activations(NET, p, IMAGES)["pool2"] ** 2))(params)
        return outputs, of_part, of_whole

    outputs, of_part, of_whole = parts(params)
    for name, value in outputs.items():
        assert value.shape == whole[name].shape
        assert_close(value, whole[name], 1e-6)
    for layer, leaves in of_whole.items():
        for name, value in leaves.items():
            assert_close(of_part[layer][name], value, 1e-5)
            assert np.any(value) == (layer in ("conv1", "conv2"))


def test_another_head(params: Any, whole: Any) -> None:
    """A convolution, pooling and a classifier behind pool5 of small: logits by hand, in float64."""
    net = architecture("small", layers=NARROW, until="pool5", head=HEAD)
    assert (net.classes, net.classifier, net.name) == (7, "fc", "small with another head")
    drawn = {
        "conv6": {"kernel": draw(1, 1, 4, 6, seed=1), "bias": draw(6, seed=2)},
        "fc": {"kernel": draw(6, 7, seed=3), "bias": draw(7, seed=4)},
    }
    own = {**params, **jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), drawn)}
    found = jax.jit(partial(forward, net))(own, IMAGES)
    below = float64(whole["pool5"])
    halves = [
        below[..., 4 * g : 4 * g + 4] @ drawn["conv6"]["kernel"][0, 0, :, 3 * g : 3 * g + 3]
        for g in (0, 1)
    ]
    maps = np.maximum(np.concatenate(halves, -1) + drawn["conv6"]["bias"], 0)
    pooled = maps.max((1, 2))
    assert below.shape[1:3] == (2, 2)
    assert_close(found, pooled @ drawn["fc"]["kernel"] + drawn["fc"]["bias"], 1e-5)
    initial = jax.eval_shape(partial(alexnet_jax.init, net), jax.random.key(0))
    assert set(initial) == {"conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "fc"}


def test_chosen_layers_in_one_pass(params: Any, whole: Any) -> None:
    """In the order in which they are asked for. Without the parameters of what lies behind them,
    which therefore is not computed."""
    lower = {name: params[name] for name in ("conv1", "conv2", "conv3")}
    net = alexnet_jax.AlexNet(NET)
    names: list[list[str]] = []  # in the order that compiled functions lose

    @jax.jit
    def chosen(lower: Any, params: Any) -> Any:
        by_module = partial(net.apply, {"params": params}, IMAGES, method="activations")
        found = [
            activations(NET, lower, IMAGES, ("conv3", "pool1")),
            activations(NET.until("conv3"), lower, IMAGES),
            by_module(layers=("logits",)),
            by_module(),
        ]
        names.extend(map(list, found))
        return found

    for some in chosen(lower, params):
        for name, value in some.items():
            assert_close(value, whole[name], 1e-6)
    so_far = ["conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2", "conv3"]
    assert names[:3] == [["conv3", "pool1"], so_far, ["logits"]]
    assert set(names[3]) == set(whole)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (("fc9",), "'fc9' .*did you mean 'fc\\d'.*there are conv1, .*logits"),
        (("fc8",), "'fc8'.*logits"),
        (("conv1", "lgits"), "'lgits'.*did you mean 'logits'"),
        ((), r"one or more names, such as \('fc7',\), got \(\)"),
        ("fc7", "one or more names.*'fc7'"),
        ("fc9", "did you mean"),
    ],
)
def test_layers_that_there_are_not(layers: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        activations(NET, {}, IMAGES, layers)
    assert "\n" not in str(caught.value)


def test_parameters_that_there_are_not(params: Any) -> None:
    """Those of a part do not do for the whole; others than a part needs may be there."""
    part = {name: layer for name, layer in params.items() if name != "fc8"}
    with pytest.raises(ValueError, match=r"^params lack fc8 of small; there are conv1, .*fc7$"):
        forward(NET, part, IMAGES)
    assert jax.eval_shape(partial(forward, NET.until("fc7")), part, IMAGES).shape == (4, 16)


def spread_forward(name: str, devices: int, part: Architecture, params: Any) -> jax.Array:
    """The part's output on a topology, of its own parameters."""
    place = spread_over(name, devices, part)
    own = {p.layer.name: params[p.layer.name] for p in part.placed() if p.kernel is not None}

    def local(params: Any, images: jax.Array) -> jax.Array:
        images = place.share_between_towers(images)
        return forward(part, place.mark_varying(params), images, place.towers)

    specs = (place.specs(own), jax.P(place.data))
    return jax.jit(place.shard_map(local, specs, place.logits_spec))(place.place(own), IMAGES)


ON_TOPOLOGIES = [
    (name, devices, cut)
    for name, devices in FEW
    for cut in ("conv1", "lrn2", "pool5", "fc6", "dropout7")
]
QUICK = [("two_towers", 2, "lrn2"), ("two_towers", 2, "dropout7"), ("hybrid", 4, "fc6")]


@pytest.mark.parametrize(
    ("name", "devices", "cut"),
    [
        pytest.param(*one, marks=[] if one in QUICK else [pytest.mark.exhaustive])
        for one in [*ON_TOPOLOGIES, ("hybrid", 2, "pool5")]
    ],
)
def test_a_part_is_the_same_on_every_topology(
    name: str, devices: int, cut: str, params: Any, whole: Any
) -> None:
    """Its output is whole, with all maps, on every device of a pair."""
    if name == "data_towers":
        devices = 4  # four images
    found = spread_forward(name, devices, NET.until(cut), params)
    assert found.shape == whole[cut].shape
    assert_close(found, whole[cut], 2e-6)


def test_chosen_layers_on_two_towers(params: Any, whole: Any) -> None:
    """Split as they are computed; what lies behind is not computed, and nothing is gathered."""
    place = spread_over("two_towers", 2, NET)
    lower = place.place({name: params[name] for name in ("conv1", "conv2")})
    compute = make_activations(NET, place, ("pool2", "lrn1"))
    compiled = compute.lower(lower, IMAGES).compile()  # type: ignore[attr-defined]
    assert "all-gather" not in compiled.as_text()
    found = compiled(lower, IMAGES)
    assert set(found) == {"pool2", "lrn1"}
    for name, value in found.items():
        assert_close(value, whole[name], 2e-6)
        assert {shard.data.shape[-1] for shard in value.addressable_shards} == {
            whole[name].shape[-1] // 2
        }
