"""Programs of a training step and of inference, lowered for devices that need not be there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax.data import Statistics
from alexnet_jax.errors import InputError
from alexnet_jax.inference import make_logits
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import abstract_state, make_train_step


class DoesNotFit(InputError):
    """The compiler found no way to hold a program in a device's memory."""


def lower_step(
    architecture: Architecture, config: TrainConfig, topology: Topology, stored: int | None = None
) -> Any:
    """Lower the training step of `config.batch` images for the devices of a topology.

    Args:
      stored: side of the stored images; by default that of the network's input, where no crop is
        taken.

    Returns:
      a `jax.stages.Lowered`, whose `compile()` has no array to allocate.
    """
    state = abstract_state(architecture, config, topology)
    statistics, batch = _inputs(architecture, config, topology, stored)
    step: Any = make_train_step(architecture, config, topology, 1.0)
    with _names_and_no_places():
        return step.lower(state, batch, statistics)


def lower_inference(
    architecture: Architecture, config: TrainConfig, topology: Topology, stored: int | None = None
) -> Any:
    """Lower the logits of `config.batch` stored images, a view of each; like `lower_step`."""
    params = abstract_state(architecture, config, topology).params
    statistics, batch = _inputs(architecture, config, topology, stored)
    logits: Any = make_logits(
        architecture,
        topology,
        pixel_scale=config.scale,
        dtype=config.dtype,
        precision=config.precision,
        views=1,
    )
    with _names_and_no_places():
        return logits.lower(params, batch["image"], statistics)


def _inputs(
    architecture: Architecture, config: TrainConfig, topology: Topology, stored: int | None
) -> tuple[Statistics, Any]:
    """Return the shapes and shardings of the statistics and of a batch."""
    specs, side = topology.batch_specs(), stored or architecture.longer_side

    def abstract(name: str, shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        sharding = jax.NamedSharding(topology.mesh, specs[name])
        return jax.ShapeDtypeStruct((config.batch, *shape), dtype, sharding=sharding)

    batch = {
        "image": abstract("image", (side, side, architecture.channels), jnp.uint8),
        "label": abstract("label", (), jnp.int32),
        "index": abstract("index", (), jnp.int32),
    }
    return topology.abstract(Statistics.abstract(side, architecture.channels)), batch


def compile_lowered(lowered: Any, topology: Topology) -> Any:
    """Compile a program of `lower_step` or `lower_inference` for the devices of its topology.

    The names of operations are kept in the text of the result. A program for devices that are not
    there is kept out of the cache of compiled programs, which cannot load it again.

    Raises:
      DoesNotFit: a TPU's memory is too small; the compiler for GPUs does not look.
    """
    there = topology.mesh.devices.flat[0] in jax.devices()
    try:
        with _names_and_no_places(keep=there):
            return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise DoesNotFit(_shortage(str(error))) from None


def _shortage(message: str) -> str:
    """Return the sizes in libtpu's message of a program that does not fit."""
    sizes = re.search(r"\(([\d.]+)([KMGT])\) exceeds available HBM \(([\d.]+)([KMGT])\)", message)
    if sizes is None:
        return f"does not fit: {message.splitlines()[0]}"
    needed, there = f"{sizes[1]} {sizes[2]}iB", f"{sizes[3]} {sizes[4]}iB"
    return f"does not fit: a device needs {needed} and has {there}; take a smaller batch"


@contextlib.contextmanager
def _names_and_no_places(keep: bool = True) -> Iterator[None]:
    """Keep the names of operations in a program and in its key of the compilation cache.

    Without them in the key, the cache may return the same program with the operation names of
    other code. The places of operations in source files and the callers of this module are left
    out: a program is found again from wherever it is asked for.

    Args:
      keep: whether the cache may keep it.
    """
    settings: dict[str, object] = {
        "jax_compilation_cache_include_metadata_in_key": True,
        "jax_traceback_in_locations_limit": 0,
    }
    if not keep:
        # JAX decides once whether there is a cache, but for each program whether it is kept.
        settings["jax_persistent_cache_min_compile_time_secs"] = 1e9
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
