"""Uses of the public names, which mypy and pyright check: types of results, and mistakes.

`make lint` checks this file; nothing runs it. A comment that expects an error is itself an error
where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, assert_type

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from flax.core import FrozenDict

import alexnet_jax
from alexnet_jax import AlexNet, Architecture, PresetName, data, network, ops, parallel, training
from alexnet_jax.inference import Model, Prediction, Preprocess
from alexnet_jax.network import Params

Variables: TypeAlias = FrozenDict[str, Mapping[str, Any]] | dict[str, Any]  # as Flax has them


def of_functions(key: jax.Array, images: jax.Array, text: str) -> None:
    net = alexnet_jax.architecture("owt+conv6", classes=10, layers={"conv1": {"maps": 32}})
    assert_type(net, Architecture)
    assert_type(net.input_shape, tuple[int, int, int])
    assert_type(alexnet_jax.list_presets(), tuple[PresetName, ...])
    assert_type(network.preset_name(text), PresetName)
    params = alexnet_jax.init(net, key)
    assert_type(params, Params)
    assert_type(params["fc8"]["kernel"], jax.Array)
    assert_type(alexnet_jax.forward(net, params, images, plain=True), jax.Array)
    assert_type(alexnet_jax.activations(net, params, images, ("fc7",)), dict[str, jax.Array])
    assert_type(alexnet_jax.summary(net), str)
    assert_type(alexnet_jax.paper_sgd(0.01), optax.GradientTransformation)
    assert_type(ops.local_response_norm(images, n=5), jax.Array)
    assert_type(ops.plain.max_pool(images), jax.Array)


def of_modules(key: jax.Array, images: jax.Array) -> None:
    net = AlexNet("owt", classes=10)
    assert_type(net, AlexNet)
    assert_type(net.architecture, Architecture)
    variables = net.init(key, images)
    assert_type(variables, Variables)
    assert_type(net.apply(variables, images), Any | tuple[Any, Variables])
    model = alexnet_jax.nnx.AlexNet("paper", rngs=nnx.Rngs(0), image_size=(227, 99))
    assert_type(model, alexnet_jax.nnx.AlexNet)
    assert_type(model(images), jax.Array)
    assert_type(model.activations(images, ["fc7"]), dict[str, jax.Array])


def of_loading(path: Path, image: np.ndarray) -> None:
    model = alexnet_jax.load(path)
    assert_type(model, Model)
    assert_type(alexnet_jax.create("owt", ["cat", "dog"], weights=model, until="fc7"), Model)
    assert_type(model(["cat.jpg", image]), list[list[Prediction]])
    for name, probability in model(path)[0]:
        assert_type(name, str)
        assert_type(probability, float)
    net, variables, preprocess = model
    assert_type(net, AlexNet)
    assert_type(variables, dict[str, Params])
    assert_type(preprocess, Preprocess)
    assert_type(preprocess("cat.jpg"), jax.Array)
    assert_type(model.probabilities(image).shape, tuple[int, int])
    assert_type(preprocess.stored(image).dtype, np.dtype[np.uint8])
    assert_type(model.class_names, tuple[str, ...])
    assert_type(model.card, str)
    assert_type(
        alexnet_jax.forward(net.architecture, variables["params"], preprocess(path)), jax.Array
    )


def of_training(
    net: Architecture, config: alexnet_jax.TrainConfig, statistics: data.Statistics
) -> None:
    dataset = data.load("digits")
    assert_type(dataset, data.Dataset)
    assert_type(dataset.train.images.shape, tuple[int, ...])
    assert_type(dataset.train.images[:100].dtype, np.dtype[np.uint8])
    assert_type(dataset.train.labels.dtype, np.dtype[np.int32])
    assert_type(dataset.train.labels.shape, tuple[int])
    device = parallel.topology("one_device", net)
    assert_type(device, parallel.Topology)
    step = training.make_train_step(net, config, device, 12.5)
    state = training.init_state(net, config, device)
    new, metrics = step(state, {"image": jnp.zeros((1, 32, 32, 1))}, statistics)
    assert_type(new.params, Params)
    assert_type(metrics, dict[str, jax.Array])


def mistakes(net: Architecture, images: jax.Array, text: str) -> None:
    AlexNet("papr")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AlexNet("owt", clases=10)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AlexNet(text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    alexnet_jax.nnx.AlexNet("paper")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    alexnet_jax.architecture("papr")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    alexnet_jax.architecture("paper", init="vgg")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    alexnet_jax.create("paper", image=64)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    alexnet_jax.forward(net, images)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    _ = alexnet_jax.fowrard  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    ops.conv2d(images)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ops.max_pool(images, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    _ = alexnet_jax.load("paper.pth").weights  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    alexnet_jax.TrainConfig(name="a", data="digits", steps=1, dtype="float16")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
