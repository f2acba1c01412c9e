"""Inference and the training step of this package, compiled and warmed up for timing."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.bench.peak import StepsPeak
from alexnet_jax.bench.work import About, Work, product_size, stored_size
from alexnet_jax.data import Statistics
from alexnet_jax.errors import InputError
from alexnet_jax.network import forward, init
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.runtime import device_name, release_free_memory
from alexnet_jax.training import init_state, make_train_step


class Ours:
    """Compiled program and its arguments, with a state that each call passes on to the next."""

    def __init__(self, work: Work) -> None:
        placement = topology(work.topology, work.architecture)
        placement.check_batch(work.batch)
        self._per_call = work.steps_per_dispatch if work.mode == "train" else 1
        if self._per_call > 1 and work.topology != "one_device":
            raise InputError("several steps a dispatch are for --topology one_device")
        make = _training if work.mode == "train" else _inference
        function, self._state, self._arguments = make(work, placement)
        began = time.perf_counter()
        self._program = function.lower(self._state, *self._arguments).compile()
        compiled = time.perf_counter() - began
        self._call(1)
        self._devices = list(placement.mesh.devices.flat)
        self._product = _product(work, self._devices[0])
        release_free_memory()
        self._peak = StepsPeak()
        self.about = About(
            device=device_name(self._devices[0]),
            platform=self._devices[0].platform,
            devices=len(self._devices),
            library=f"jax {jax.__version__}",
            compile_seconds=compiled,
            program_bytes=_program_bytes(self._program),
            step_seconds=self._call(1) / self._per_call,
        )

    def seconds(self, steps: int) -> float:
        """Return the mean time (s) of a step, over whole calls of at least so many steps."""
        calls = -(-steps // self._per_call)
        with self._peak.watched():
            return self._call(calls) / (calls * self._per_call)

    def _call(self, calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            self._state, result = self._program(self._state, *self._arguments)
        jax.block_until_ready((self._state, result))
        return time.perf_counter() - began

    def products_per_second(self) -> float:
        return self._product()

    def peak_bytes(self) -> int | None:
        if self.about.platform == "cpu":
            return self._peak.bytes
        return (self._devices[0].memory_stats() or {}).get("peak_bytes_in_use")


def _program_bytes(program: Any) -> int | None:
    """Return the bytes of arguments, results and temporaries; donated arrays count once."""
    sizes = program.memory_analysis()
    if sizes is None:
        return None
    return int(
        sizes.argument_size_in_bytes
        + sizes.output_size_in_bytes
        - sizes.alias_size_in_bytes
        + sizes.temp_size_in_bytes
    )


def _inference(work: Work, topology: Topology) -> tuple[Any, Any, tuple[Any, ...]]:
    """Build (None, params, images) -> (None, logits), and its arguments, all in `work.dtype`."""
    architecture, dtype = work.architecture, jnp.dtype(work.dtype)
    make = partial(init, architecture, dtype=dtype)
    key = jax.random.key(0)
    shardings = topology.shardings(jax.eval_shape(make, key))
    params = jax.jit(make, out_shardings=shardings)(key)
    random = np.random.default_rng(0)
    images = random.normal(0, 50, (work.batch, *architecture.input_shape)).astype(dtype)

    def local_logits(params: Any, images: jax.Array) -> jax.Array:
        return forward(
            architecture,
            topology.mark_varying(params),
            topology.share_between_towers(images),
            topology.towers,
        )

    @jax.jit
    def infer(state: None, params: Any, images: jax.Array) -> tuple[None, jax.Array]:
        specs = (topology.specs(params), jax.P(topology.data))
        return state, topology.shard_map(local_logits, specs, topology.logits_spec)(params, images)

    return infer, None, (params, topology.place_batch({"image": images})["image"])


def config_of(work: Work) -> TrainConfig:
    """Return the settings of the training step, which are those of the paper."""
    return TrainConfig(
        name="benchmark",
        data="none",
        steps=1,
        batch=work.batch,
        dtype=work.dtype,  # type: ignore[arg-type]
        schedule="constant",
    )


def _training(work: Work, topology: Topology) -> tuple[Any, Any, tuple[Any, ...]]:
    """Build (state, batch, statistics) -> (state, metrics), of several steps, and its arguments."""
    architecture, config = work.architecture, config_of(work)
    state = init_state(architecture, config, topology)
    step = make_train_step(architecture, config, topology, 1.0)
    batch, statistics = training_input(work)
    placed = topology.place(statistics)
    if work.steps_per_dispatch == 1:
        return step, state, (topology.place_batch(batch), placed)
    chunk = jax.device_put(
        {name: np.stack([leaf] * work.steps_per_dispatch) for name, leaf in batch.items()}
    )

    @partial(jax.jit, donate_argnums=0)
    def several(state: Any, chunk: Any, statistics: Statistics) -> tuple[Any, Any]:
        return jax.lax.scan(lambda state, batch: step(state, batch, statistics), state, chunk)

    return several, state, (chunk, placed)


def training_input(work: Work) -> tuple[dict[str, np.ndarray], Statistics]:
    """Return a batch of random stored images with labels, and matching pixel statistics."""
    architecture, random = work.architecture, np.random.default_rng(0)
    side, channels = stored_size(architecture), architecture.channels
    classes = architecture.require_classes("a training step")
    batch = {
        "image": random.integers(0, 256, (work.batch, side, side, channels), np.uint8),
        "label": random.integers(0, classes, work.batch, np.int32),
        "index": np.arange(work.batch, dtype=np.int32),
    }
    statistics = Statistics(
        np.full((side, side, channels), 127.5, np.float32),
        np.eye(channels, dtype=np.float32),
        np.ones(channels, np.float32),
    )
    return batch, statistics


def _product(work: Work, device: jax.Device) -> Callable[[], float]:
    """Return a function that measures operations/s of a square matrix product in `work.dtype`."""
    size = product_size(device.platform)
    a = jax.device_put(jnp.ones((size, size), work.dtype), device)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, a))

    def rate() -> float:
        best = min(_timed(lambda: product(a, a)) for _ in range(3))
        return 2 * size**3 / best

    return rate


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began
