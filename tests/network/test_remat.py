"""Recomputation in the backward pass: the same values, less memory."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers.random_params import random_params
from helpers.reference import TOLERANCE, assert_close, draw

from alexnet_jax import ops
from alexnet_jax.network.forward import forward
from alexnet_jax.network.layers import MaxPool
from alexnet_jax.network.presets import architecture
from alexnet_jax.ops import remat
from alexnet_jax.ops.remat import rematerialized

FEW_AT_A_TIME = pytest.mark.usefixtures("few_at_a_time")
FEWER = {f"conv{i}": {"maps": 8} for i in range(1, 6)} | {f"fc{i}": {"maps": 8} for i in (6, 7)}


@pytest.fixture
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of four images, as of large maps, for small ones."""
    monkeypatch.setattr(remat, "_BYTES", 0)


def stage(x: jax.Array) -> jax.Array:
    return ops.max_pool(ops.local_response_norm(jax.nn.relu(x), alpha=0.1))


def both(layers: Callable[[jax.Array], jax.Array], x: jax.Array, dy: jax.Array) -> Any:
    """The value and the gradient."""
    y, pull = jax.vjp(layers, x)
    return y, *pull(dy)


@FEW_AT_A_TIME
@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 11])
def test_the_same_values_and_gradients(count: int) -> None:
    """Whatever is left over beside whole groups."""
    with jax.enable_x64(True):
        x, dy = jnp.asarray(draw(count, 7, 7, 6)), jnp.asarray(draw(count, 3, 3, 6, seed=1))
        y, dx = jax.jit(partial(both, partial(rematerialized, stage)))(x, dy)
        want, dx_plain = jax.jit(partial(both, stage))(x, dy)
    assert_close(y, want, TOLERANCE["float64"][0])
    assert_close(dx, dx_plain, TOLERANCE["float64"][1])


@FEW_AT_A_TIME
@pytest.mark.skipif(jax.__version_info__ < (0, 11), reason="not done there, since it is slower")
def test_only_the_input_is_kept() -> None:
    """Far less memory than the gradient needs otherwise, and no loop on a single thread."""
    x, dy = jnp.ones((64, 15, 15, 32)), jnp.ones((64, 7, 7, 32))

    def gradient(kept: bool) -> jax.stages.Compiled:
        def pulled(x: jax.Array, dy: jax.Array) -> jax.Array:
            one = partial(rematerialized, stage) if kept else stage
            dx: jax.Array = jax.vjp(one, x)[1](dy)[0]
            return dx

        return jax.jit(pulled, donate_argnums=0).lower(x, dy).compile()

    kept, plain = gradient(True), gradient(False)
    assert (
        kept.memory_analysis().temp_size_in_bytes < plain.memory_analysis().temp_size_in_bytes / 4
    )
    assert "small_call" not in kept.as_text()


@FEW_AT_A_TIME
def test_elsewhere_it_is_left_alone() -> None:
    x = jax.ShapeDtypeStruct((8, 7, 7, 6), jnp.float32)
    gradient = jax.jit(jax.value_and_grad(lambda x: jnp.sum(rematerialized(stage, x))))
    loops = {
        platform: gradient.trace(x)
        .lower(lowering_platforms=(platform,))
        .as_text()
        .count(" stablehlo.while")
        for platform in ("cpu", "cuda")
    }
    assert loops == {"cpu": 2 * (jax.__version_info__ >= (0, 11)), "cuda": 0}


@pytest.mark.parametrize("preset", ["small", "source2012", "caffenet"])
def test_the_plan_changes_nothing(preset: str) -> None:
    """Beside the same network layer by layer, as it is when its activations are captured."""
    sizes = {} if preset == "small" else {"image_size": 67, "layers": FEWER}
    net = architecture(preset, classes=5, **sizes)  # type: ignore[arg-type]
    curved = [
        replace(layer, activation="tanh") if isinstance(layer, MaxPool) else layer
        for layer in net.layers
    ]
    net = replace(net, layers=tuple(curved))
    with jax.enable_x64(True):
        params = random_params(net, jnp.float64)
        images = jnp.asarray(draw(5, net.image_size, net.image_size, net.channels))

        def loss(params: object, layer_by_layer: bool) -> jax.Array:
            capture: dict[str, jax.Array] | None = {} if layer_by_layer else None
            logits = forward(net, params, images, capture=capture)  # type: ignore[arg-type]
            return jnp.sum(jnp.square(logits))

        both = [jax.jit(jax.value_and_grad(loss), static_argnums=1)(params, way) for way in (0, 1)]
    for got, want in zip(*map(jax.tree.leaves, both), strict=True):
        assert_close(got, want, TOLERANCE["float64"][1])


def test_as_many_images_as_stay_in_the_caches() -> None:
    """Four of conv1 of `paper`, and all of a small network, which needs no loop."""

    def loops(*shape: int) -> int:
        x = jax.ShapeDtypeStruct(shape, jnp.float32)
        lowered = jax.jit(partial(rematerialized, stage)).lower(x)
        return lowered.as_text().count(" stablehlo.while")

    grouped = int(jax.__version_info__ >= (0, 11))
    assert [loops(5, 55, 55, 96), loops(4, 55, 55, 96), loops(64, 24, 24, 32)] == [grouped, 0, 0]
