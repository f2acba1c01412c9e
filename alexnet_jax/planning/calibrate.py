"""Measurement of the rates that `cost_model` assumes: of one device and between devices."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.planning.cost_model import operations, update_bytes
from alexnet_jax.planning.traffic import layout
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import init_state, make_train_step, optimizer

_LARGE = 1 << 22  # values: 16.8 MB


def median_seconds(
    call: Callable[[], Any],
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the median time (s) of a call and its result, after one untimed call to compile."""
    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        began = clock()
        jax.block_until_ready(call())
        times.append(clock() - began)
    return statistics.median(times)


def step_seconds(architecture: Architecture, config: TrainConfig, topology: Topology) -> float:
    """Measure the time (s) of a training step of `config.batch` random images on a topology."""
    random = np.random.default_rng(config.seed)
    side, channels = architecture.longer_side, architecture.channels
    classes = architecture.require_classes("a training step")
    images = random.integers(0, 256, (config.batch, side, side, channels), np.uint8)
    labels = random.integers(0, classes, config.batch, np.int32)
    index = np.arange(config.batch, dtype=np.int32)
    batch = topology.place_batch({"image": images, "label": labels, "index": index})
    pixels = topology.place(
        Statistics(
            np.full((side, side, channels), 127.5, np.float32),
            np.eye(channels, dtype=np.float32),
            np.ones(channels, np.float32),
        )
    )
    train_step = make_train_step(architecture, config, topology, 1.0)
    state = init_state(architecture, config, topology)

    def call() -> Any:
        nonlocal state
        state, metrics = train_step(state, batch, pixels)
        return state, metrics

    return median_seconds(call)


def update_seconds(architecture: Architecture, config: TrainConfig, topology: Topology) -> float:
    """Measure the time (s) of the update of all weights on one device."""
    return median_seconds(make_update(architecture, config, topology))


def make_update(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> Callable[[], Any]:
    """Return a function that updates all weights of a network once more at each call."""
    transform = optimizer(architecture, config)
    state = init_state(architecture, config, topology)
    params, opt_state = state.params, state.opt_state
    gradients = jax.jit(lambda tree: jax.tree.map(jnp.copy, tree))(params)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(params: Any, opt_state: Any, gradients: Any) -> Any:
        updates, opt_state = transform.update(gradients, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    def call() -> Any:
        nonlocal params, opt_state
        params, opt_state = update(params, opt_state, gradients)
        return params, opt_state

    return call


def rates(
    architecture: Architecture, batch: int, step: float, update: float
) -> tuple[float, float]:
    """Return (operations/s, bytes/s of the update) of one device.

    The time of the operations is the time of the step minus that of the update.

    Args:
      batch: images of the step.
      step: s of a training step on one device.
      update: s of the update of all weights on one device.
    """
    plan = layout("one_device", architecture, 1)
    # In noisy measurements the update alone may take longer than the step that contains it.
    computing = max(step - update, 0.1 * step)
    counted = operations(architecture, plan, batch)
    return counted / computing, update_bytes(architecture, plan) / update


def link(devices: Sequence[jax.Device]) -> tuple[float, float]:
    """Measure (bytes/s, s for each step of a collective) between g devices.

    Both follow from the times of all-reduces of one value and of 16.8 MB over all devices, on the
    assumption of a ring: 2(g-1) steps, in which each device sends 2(g-1)/g of the array.
    """
    mesh = jax.make_mesh(
        (len(devices),), ("data",), axis_types=(jax.sharding.AxisType.Auto,), devices=devices
    )
    count = len(devices)

    def seconds(size: int) -> float:
        sharding = jax.NamedSharding(mesh, jax.P("data"))
        values = jax.device_put(np.zeros(size * count, np.float32), sharding)
        total = jax.jit(
            jax.shard_map(
                lambda x: jax.lax.psum(x, "data"),
                mesh=mesh,
                in_specs=jax.P("data"),
                out_specs=jax.P(),
            )
        )
        return median_seconds(lambda: total(values))

    latency = seconds(1) / (2 * (count - 1))
    return 2 * (count - 1) / count * 4 * _LARGE / seconds(_LARGE), latency
