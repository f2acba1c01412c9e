"""Parts of a network as tables: cut at any layer, with another head, and what does not fit."""

import dataclasses
import json
import pickle
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.parts import HEAD, IMAGES, NET
from helpers.runs import NARROW
from helpers.spread import CONFIG, spread_over

import alexnet_jax
from alexnet_jax import InputError
from alexnet_jax.analysis.attribution import class_gradients, occlusion_map
from alexnet_jax.inference.evaluate import make_logits
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import LRN, Dense, Dropout, MaxPool
from alexnet_jax.network.presets import architecture, list_presets
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.traffic import layout, transfers
from alexnet_jax.training.step import make_train_step


@pytest.mark.parametrize("preset", list_presets())
def test_every_preset_ends_at_every_layer(preset: str) -> None:
    """With the shapes of the whole; through JSON and pickle; and nothing behind is asked for."""
    layers = {} if preset.startswith("cifar") else NARROW
    net = architecture(preset, layers=layers)
    params = jax.eval_shape(partial(alexnet_jax.init, net), jax.random.key(0))
    images = jax.ShapeDtypeStruct((2, *net.input_shape), jnp.float32)
    for index, placed in enumerate(net.placed()):
        name, is_last = placed.layer.name, index == len(net.layers) - 1
        part = architecture(preset, layers=layers, until=name) if is_last else net.until(name)
        assert part.layers == net.layers[: index + 1]
        assert part.classes == (net.classes if is_last else None)
        assert part.classifier == (net.layers[-1].name if is_last else None)
        assert list(part.outputs().values())[-1] == placed.output
        assert Architecture.from_json(json.loads(json.dumps(part.to_json()))) == part
        again = pickle.loads(pickle.dumps(part))
        assert (again, hash(again)) == (part, hash(part))
        # The steps of a part are checked where layers of every kind are last.
        if name in ("conv1", "pool2", "dropout6", "fc7"):
            own = jax.eval_shape(partial(alexnet_jax.init, part), jax.random.key(0))
            assert own == {layer: params[layer] for layer in own}
            found = jax.eval_shape(partial(forward, part), own, images)
            assert found.shape == (2, *placed.output)


def test_a_part_says_what_it_is() -> None:
    part = architecture("paper", until="fc7")
    assert part.name == "paper until fc7"
    assert repr(part) == "Architecture('paper until fc7', 227x227x3, 13 layers, no classifier)"
    title = alexnet_jax.summary(architecture("paper", until="pool5")).splitlines()[0]
    assert "paper until pool5: images 227 x 227 x 3, output 6 x 6 x 256;" in title
    assert part.until("pool1").name == "paper until pool1"
    assert architecture("paper", until="fc8") == architecture("paper")


def test_small_images_do_for_a_part() -> None:
    """Of 33 pixels, which are too small for the whole network."""
    part = architecture("paper", image_size=33, until="conv2")
    assert part.outputs()["conv2"] == (2, 2, 256)
    with pytest.raises(InputError, match="at least 67x67"):
        architecture("paper", image_size=33)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"until": "pool4"}, r"'pool4'; did you mean 'pool\d'\? there are conv1, lrn1, .*fc8"),
        ({"until": "fc7", "classes": 10}, "classes 10 .*paper until fc7 has no classifier"),
        ({"until": "pool5", "head": HEAD, "layers": {"fc": {"std": 1.0}}}, "no layer fc"),
        ({"until": "fc7", "layers": {"fc8": {"depth": 1}}}, "fc8 has no depth"),
        ({"head": HEAD}, "until"),
        ({"until": "pool5", "head": [Dense("conv1", 5)]}, "names must differ"),
        ({"until": "pool5", "head": Dense("fc", 5)}, "head takes a list of layers, got Dense"),
        ({"until": "pool5", "head": ["fc"]}, "a layer is one of Conv, Local, Dense.*'fc'"),
        ({"until": "fc6", "head": HEAD}, r"conv6 needs maps, but gets \(4096,\)"),
        ({"until": "pool5", "head": HEAD, "classes": 9}, "classes 9 .*7 outputs"),
        ({"until": "pool5", "head": [Dense("a", 5), Dropout("b"), LRN("c")]}, "a has 5 units"),
        ({"until": "pool5", "head": [Dense("a", 5), Dense("b", 4)]}, "a has 5 units"),
        ({"until": "pool5", "head": [MaxPool("a", size=9)]}, "at least 323x323.*a takes 9x9"),
    ],
)
def test_parts_that_do_not_fit(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        architecture("paper", **changes)
    assert "\n" not in str(caught.value)


def test_which_heads_classify() -> None:
    """Those that end in a linear dense layer; of others the output has the last layer's name."""
    cut = partial(architecture, "small", until="pool5")
    assert cut(head=[Dense("a", 5, "linear")]).classes == 5
    assert cut(head=[Dense("a", 5, "linear")], classes=5).classes == 5
    assert cut(head=[Dense("a", 5)]).classes is None
    assert cut(head=[Dense("a", 5, "linear"), Dropout("b")]).classes is None
    assert list(cut(head=[MaxPool("a", size=2)]).outputs())[-1] == "a"
    assert cut(head=[MaxPool("a", size=4)], image_size=44).outputs()["a"] == (1, 1, 64)


def refused_uses() -> dict[str, Any]:
    part = NET.until("fc7")
    one = spread_over("one_device", 1, part)
    labels = np.zeros(4, np.int32)
    return {
        "a training": lambda: make_train_step(part, CONFIG, one, 1.0),
        "a classification": lambda: make_logits(part, one, pixel_scale=1.0),
        "a training step": lambda: transfers(part, layout("data", part, 2), 8),
        "an attribution": lambda: class_gradients(part, {}, IMAGES, labels),
        "an attribution ": lambda: occlusion_map(part, {}, IMAGES[0], 0, side=4, stride=4),
    }


@pytest.mark.parametrize("purpose", refused_uses())
def test_what_needs_a_classifier_says_so(purpose: str) -> None:
    line = rf"small until fc7 has no classifier, which {purpose.strip()} needs; .*fc7 \(Dense, relu"
    with pytest.raises(InputError, match=line):
        refused_uses()[purpose]()


def test_towers_need_weights_to_divide() -> None:
    bare = dataclasses.replace(NET, classes=None, layers=(MaxPool("pool1"),))
    with pytest.raises(InputError, match="two_towers divides layers with weights; small has none"):
        topology("two_towers", bare, jax.devices()[:2])
