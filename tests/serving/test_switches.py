"""Parts switched off: the same as maps set to zero, and as layers that are not there."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.narrow import every_kind, narrow
from helpers.served import examiner, picture, trained_of

from alexnet_jax import InputError, list_presets, ops
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import activations
from alexnet_jax.network.layers import LRN, MapNorm
from alexnet_jax.network.operations import PLAIN
from alexnet_jax.network.steps import Context, program
from alexnet_jax.network.towers import ONE_DEVICE
from alexnet_jax.serving.examiner import Examiner
from alexnet_jax.serving.switches import Switches, keep_towers, norms_of, without_norms


def without_maps(net: Architecture, params: Any, images: jax.Array, dark: int) -> dict[str, Any]:
    """Every layer's output where each step's result is 0 on the maps of the tower `dark`."""
    context, x, outputs = Context(params, ONE_DEVICE, None, jax.nn.relu, PLAIN), images, {}
    for step in program(net):
        x = step(context, x)
        name = step.placed.layer.name
        if name != net.classifier:
            half = x.shape[-1] // 2
            x = x.at[..., dark * half : (dark + 1) * half].set(0)
        outputs["logits" if name == net.classifier else name] = x
    return outputs


def views_of(stored: np.ndarray) -> jax.Array:
    return examiner().trained.preprocess(stored)


@pytest.mark.parametrize("tower", ["0", "1"])
def test_a_tower_alone_is_the_network_with_the_other_s_maps_zero(tower: Any) -> None:
    """Step by step, with zeros written into the maps; the parameters stay whole there."""
    trained = examiner().trained
    now = examiner().examine(picture(), Switches(tower))
    dark = 1 - int(tower)
    want = without_maps(trained.architecture, trained.params, views_of(picture()), dark)
    probabilities = ops.softmax(want.pop("logits"))[0]
    np.testing.assert_allclose(now.probabilities, probabilities, rtol=1e-4, atol=1e-6)
    assert set(now.layers) == set(want)
    for name, values in now.layers.items():
        half = values.shape[-1] // 2
        assert not values[..., dark * half : (dark + 1) * half].any(), name
        np.testing.assert_allclose(values, want[name][0], rtol=1e-4, atol=1e-5, err_msg=name)
    plain = examiner().examine(picture(), Switches())
    assert abs(plain.probabilities - now.probabilities).max() > 1e-3
    np.testing.assert_allclose(
        plain.probabilities, trained.probabilities(picture()[None])[0], rtol=1e-4, atol=1e-6
    )


def test_normalization_off_is_the_network_without_these_layers() -> None:
    """A table that never had them; the switched-off layers pass on what they read."""
    trained = examiner().trained
    net = trained.architecture
    bare = dataclasses.replace(
        net, layers=tuple(layer for layer in net.layers if not isinstance(layer, LRN))
    )
    now = examiner().examine(picture(), Switches(norms=False))
    want = activations(bare, trained.params, views_of(picture()), plain=True)
    np.testing.assert_allclose(
        now.probabilities, ops.softmax(want.pop("logits"))[0], rtol=1e-4, atol=1e-6
    )
    for name, values in want.items():
        np.testing.assert_allclose(now.layers[name], values[0], rtol=1e-4, atol=1e-5)
    assert np.array_equal(now.layers["lrn1"], now.layers["conv1"])
    plain = examiner().examine(picture(), Switches())
    assert abs(plain.probabilities - now.probabilities).max() > 1e-3


def test_every_kind_of_layer_takes_zeros_to_zeros() -> None:
    """So that zeros in a tower's parameters are zeros in all that it computes."""
    net = every_kind()
    trained = trained_of(net)
    params = keep_towers(net, trained.params, jnp.array([True, False]))
    blank = trained.preprocess(np.full(trained.stored_shape, 200, np.uint8))
    for name, values in jax.jit(activations, static_argnums=0)(net, params, blank).items():
        half = values.shape[-1] // 2
        assert name == "logits" or not values[..., half:].any(), name


@pytest.mark.parametrize("preset", list_presets())
def test_presets_without_normalization(preset: Any) -> None:
    """The names and shapes stay; nothing else of the table changes."""
    net = narrow(preset)
    bare = without_norms(net)
    assert bare.outputs() == net.outputs()
    for before, after in zip(net.layers, bare.layers, strict=True):
        norm = isinstance(before, LRN | MapNorm)
        assert norm == (before.name in norms_of(net))
        assert (before == after) != norm
        assert not norm or (after.k, after.alpha) == (1, 0)  # type: ignore[union-attr]


def test_switches_that_a_network_lacks_are_refused() -> None:
    bare = Examiner(trained_of(narrow("cifar_80sec")))
    stored = np.zeros(bare.trained.stored_shape, np.uint8)
    with pytest.raises(InputError, match="has no two towers to tell apart"):
        bare.examine(stored, Switches("0"))
    with pytest.raises(InputError, match="has no response normalization"):
        bare.examine(stored, Switches(norms=False))
    with pytest.raises(InputError, match="no classifier, which the page needs"):
        Examiner(trained_of(narrow("small").until("fc7")))
