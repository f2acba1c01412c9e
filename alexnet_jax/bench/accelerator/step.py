"""Values of one training step, and of the network alone, on chosen devices and in a precision."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.bench.accelerator import drawn
from alexnet_jax.network import Architecture, Params, forward
from alexnet_jax.parallel import Topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import TrainState, make_gradients

Values = dict[str, np.ndarray]


@contextlib.contextmanager
def computing(device: jax.Device, precision: str | None) -> Iterator[None]:
    """Compute on a device; products with a precision in jax's words, or None for the default."""
    with jax.default_device(device), jax.default_matmul_precision(precision):
        yield


def step_values(
    architecture: Architecture,
    count: int,
    topology: Topology,
    dtype: str = "float32",
    precision: str | None = None,
) -> Values:
    """Compute a training step's "loss" and "gradient/LAYER/..", and the "logits" of inference.

    Views and dropout masks are drawn as in a training. The logits are those of other images.
    """
    params = drawn.parameters(architecture)
    batch, statistics = drawn.batch(architecture, count)
    inputs = drawn.images(architecture, topology.divisible(count))
    program = step_program(architecture, count, topology, dtype)
    with computing(topology.mesh.devices.flat[0], precision):
        # Gradients read the parameters, the key and the step alone; the rest of the state is empty.
        nothing: Any = None
        state = TrainState(
            step=topology.place(jnp.int32(0)),
            params=topology.place(cast(Params, params)),
            opt_state=(),
            key=topology.place(jax.random.key(0)),
            plateau=nothing,
            average=None,
        )
        images = topology.place_batch({"image": inputs})["image"]
        arguments = topology.place_batch(batch), topology.place(statistics), images
        gradients, loss, logits = jax.device_get(program(state, *arguments))
    return {"loss": loss, "logits": logits} | by_name("gradient", gradients)


def step_program(
    architecture: Architecture, count: int, topology: Topology, dtype: str
) -> Callable[..., Any]:
    """Return the jitted (state, batch, statistics, images) -> (gradients, loss, logits)."""
    config = TrainConfig(
        name="accelerator",
        data="none",
        steps=1,
        batch=count,
        dtype=dtype,  # type: ignore[arg-type]
    )
    gradients_of = make_gradients(architecture, config, topology)

    def local_logits(params: Any, images: jax.Array) -> jax.Array:
        shared = topology.share_between_towers(images)
        return forward(architecture, topology.mark_varying(params), shared, topology.towers)

    @jax.jit
    def program(state: TrainState, batch: Any, statistics: Any, images: jax.Array) -> Any:
        gradients, metrics = gradients_of(state, batch, statistics)
        specs = (topology.specs(state.params), jax.P(topology.data))
        weights = jax.tree.map(lambda leaf: leaf.astype(dtype), state.params)
        logits = topology.shard_map(local_logits, specs, topology.logits_spec)(
            weights, images.astype(dtype)
        )
        return gradients, metrics["loss"], logits

    return program


def network_values(
    architecture: Architecture, count: int, device: jax.Device, precision: str | None
) -> Values:
    """Compute "loss", "logits" and "gradient/LAYER/.." of the network without dropout, float32.

    The images are given as the network takes them: no view is drawn.
    """
    labels = drawn.labels(architecture, count)

    def loss(params: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = forward(architecture, params, images)
        return jnp.mean(ops.cross_entropy(logits, jnp.asarray(labels))), logits

    with computing(device, precision):
        arguments = jax.device_put(
            (drawn.parameters(architecture), drawn.images(architecture, count)), device
        )
        program = jax.jit(partial(jax.value_and_grad(loss, has_aux=True)))
        (value, logits), gradients = jax.device_get(program(*arguments))
    return {"loss": value, "logits": logits} | by_name("gradient", gradients)


def by_name(prefix: str, tree: dict[str, dict[str, Any]]) -> Values:
    """Return the arrays of a tree of layers as {"PREFIX/LAYER/kernel": ..}."""
    return {
        f"{prefix}/{name}/{leaf}": np.asarray(value)
        for name, layer in tree.items()
        for leaf, value in layer.items()
    }
