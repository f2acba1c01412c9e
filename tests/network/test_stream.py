"""Many layers for a few images at a time, and of which networks."""

import importlib
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.random_params import random_params
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.spread import STATISTICS, batch, network, spread_over
from jax import export

from alexnet_jax import ops
from alexnet_jax.inference.evaluate import make_logits
from alexnet_jax.network.forward import activations, forward
from alexnet_jax.network.module import init
from alexnet_jax.network.plan import Recomputed, Streamed, plan, stream
from alexnet_jax.network.presets import architecture, list_presets
from alexnet_jax.network.steps import program
from alexnet_jax.ops.cpu import conv as cpu_conv
from alexnet_jax.ops.stream import streamed

Params = dict[str, jax.Array]
PLAN = importlib.import_module("alexnet_jax.network.plan")  # the name is also a function


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small networks in the forms of large ones."""
    jax.clear_caches()
    monkeypatch.setattr(cpu_conv, "_LARGE", 0)
    monkeypatch.setattr(PLAN, "_LARGE", 0)
    yield
    jax.clear_caches()


def layers(params: Params, x: jax.Array) -> jax.Array:
    y = jnp.tanh(ops.conv2d(x, params["kernel"], params["bias"], padding=1))
    return ops.max_pool(ops.local_response_norm(y, alpha=0.1))


def arguments(count: int) -> tuple[Params, jax.Array]:
    params = {"kernel": jnp.asarray(draw(3, 3, 4, 6, seed=1)), "bias": jnp.asarray(draw(6, seed=2))}
    return params, jnp.asarray(draw(count, 9, 9, 4))


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("count", [0, 1, 4, 5, 11])
def test_the_same_values_and_gradients(count: int) -> None:
    def both(one: Any, params: Params, x: jax.Array, dy: jax.Array) -> Any:
        y, pull = jax.vjp(one, params, x)
        return y, pull(dy)

    with jax.enable_x64(True):
        given, dy = arguments(count), jnp.asarray(draw(count, 4, 4, 6, seed=3))
        stream = partial(streamed, layers)
        y = jax.jit(stream)(*given)
        again, gradients = jax.jit(partial(both, stream))(*given, dy)
        want, wants = jax.jit(partial(both, layers))(*given, dy)
    values, slopes = TOLERANCE["float64"]
    assert_close(y, want, values)
    assert_close(again, want, values)
    for got, want in zip(*map(jax.tree.leaves, (gradients, wants)), strict=True):
        assert_close(got, want, slopes)


def compiled(gradient_of: Any, *given: Any) -> jax.stages.Compiled:
    def loss(params: Params, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(streamed(layers, params, x)))

    return jax.jit(jax.grad(loss, gradient_of)).lower(*given).compile()


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("place", [0, 1])
def test_gradients_that_nobody_asks_for_are_not_made(place: int) -> None:
    given = jax.tree.map(lambda x: x.astype(jnp.float32), arguments(8))
    one, both = compiled(place, *given), compiled((0, 1), *given)
    got, want = one(*given), both(*given)[place]
    for a, b in zip(*map(jax.tree.leaves, (got, want)), strict=True):
        assert_close(a, b, TOLERANCE["float32"][0])
    assert one.cost_analysis()["flops"] < 0.95 * both.cost_analysis()["flops"]


def loops(function: Any, platform: str, *given: Any) -> int:
    lowered = jax.jit(function).trace(*given).lower(lowering_platforms=(platform,))
    return lowered.as_text().count("stablehlo.while")


def test_elsewhere_and_for_gradients_it_is_left_alone() -> None:
    given = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.float32), arguments(8))
    stream = partial(streamed, layers)
    assert loops(stream, "cpu", *given) == 1
    assert loops(stream, "cuda", *given) == 0
    gradient = jax.grad(lambda params, x: jnp.sum(stream(params, x)))
    assert loops(gradient, "cpu", *given) == 0


def test_a_gradient_traces_the_layers_once() -> None:
    """Starts of a training would take a second longer otherwise."""
    given = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.float32), arguments(8))
    seen = []

    def counted(params: Params, x: jax.Array) -> jax.Array:
        seen.append(x.shape)
        return layers(params, x)

    jax.jit(jax.grad(lambda params, x: jnp.sum(streamed(counted, params, x)))).lower(*given)
    assert seen == [(8, 9, 9, 4)]


@pytest.mark.usefixtures("all_large")
def test_kernels_are_transformed_once() -> None:
    """Before the loop: its body holds the product of tiles alone, and that of `groups`."""
    given = jax.tree.map(lambda x: x.astype(jnp.float32), arguments(16))
    text = jax.jit(partial(streamed, layers)).lower(*given).compile().as_text()
    before, products = text[text.index("ENTRY") :], re.compile(r"f32\[16,24\][^=]*(dot|fusion)\(")
    assert len(products.findall(before)) == 1
    assert "small_call" not in text


@pytest.mark.skipif(jax.__version_info__ < (0, 11), reason="holds as much there")
def test_less_is_held_than_one_layers_maps() -> None:
    """In inference: nothing of a whole batch between two layers, and no kernels of the second run
    in the first."""
    net = architecture("paper")
    params = jax.eval_shape(partial(init, net), jax.random.key(0))
    images = jax.ShapeDtypeStruct((32, 227, 227, 3), jnp.float32)
    infer = jax.jit(partial(forward, net)).lower(params, images).compile()
    of_conv1 = 4 * 32 * math.prod(next(net.placed()).output)
    assert infer.memory_analysis().temp_size_in_bytes < 0.9 * of_conv1


def test_a_batch_of_any_size_is_taken_whole() -> None:
    given = jax.tree.map(lambda x: x.astype(jnp.float32), arguments(11))
    x = jax.ShapeDtypeStruct((*export.symbolic_shape("b"), *given[1].shape[1:]), jnp.float32)
    program = export.export(jax.jit(partial(streamed, layers, given[0])))(x)
    assert_close(program.call(given[1]), layers(*given), TOLERANCE["float32"][0])


def _last_layer(run: Streamed) -> str:
    last = run.steps[-1]
    return (last.steps[-1] if isinstance(last, Recomputed) else last).placed.layer.name


def test_runs_of_the_networks() -> None:
    """With maps of 55 and 27, then the rest before the dense layers; of small networks all in one,
    of many images."""
    runs = {}
    for preset in list_presets():
        steps = plan(program(architecture(preset)))
        found = [step for step in stream(steps) if isinstance(step, Streamed)]
        streamed_steps = tuple(step for each in found for step in each.steps)
        assert streamed_steps == steps[: len(streamed_steps)]
        runs[preset] = [_last_layer(each) for each in found]
        sizes = {each.images for each in found}
        assert sizes == ({128} if len(found) == 1 else {4}), preset
    small = {name: runs.pop(name) for name in list(runs) if len(runs[name]) == 1}
    assert small.keys() == {"small", "tiny", *(name for name in list_presets() if "cifar" in name)}
    assert small["small"] == ["pool5"]
    assert small["cifar_80sec"] == ["pool3"]
    assert runs.pop("one_gpu") == ["pool1", "pool5"]
    assert runs.pop("caffenet") == ["lrn2", "pool5"]
    assert set(map(tuple, runs.values())) == {("pool2", "pool5")}


def test_small_networks_take_many_images_at_a_time() -> None:
    """Without a loop as many as a group holds, with one more of them, and whole for a gradient."""
    net = architecture("small")
    params = jax.eval_shape(partial(init, net), jax.random.key(0))

    def images(count: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((count, 28, 28, 1), jnp.float32)

    infer = partial(forward, net)
    assert loops(infer, "cpu", params, images(64)) == 0
    assert loops(infer, "cpu", params, images(129)) == 1
    assert loops(infer, "cuda", params, images(129)) == 0


@pytest.mark.usefixtures("all_large")
def test_what_is_captured_is_of_the_whole_batch() -> None:
    net = network()
    params = random_params(net)
    images = jnp.asarray(draw(9, net.image_size, net.image_size, 1), jnp.float32)
    logits = jax.jit(partial(forward, net))(params, images)
    seen = jax.jit(partial(activations, net))(params, images)
    assert seen["pool2"].shape[0] == 9
    assert_close(logits, seen["logits"], TOLERANCE["float32"][1])


@pytest.mark.usefixtures("all_large")
def test_the_same_on_two_devices() -> None:
    """Of each one's own images, in the images' order."""
    net = network()
    on_one, on_two = (
        make_logits(net, place, pixel_scale=1 / 128)(
            place.place(random_params(net)), batch(3)["image"], STATISTICS
        )
        for place in (spread_over("one_device", 1, net), spread_over("data", 2, net))
    )
    assert_close(np.asarray(on_two), np.asarray(on_one), 1e-5)
