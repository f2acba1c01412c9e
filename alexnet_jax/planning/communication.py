"""What crosses between devices in one training step, by layer: read from the compiled program."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.planning.hlo import Collective, collectives
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import abstract_state, make_train_step

DIRECTIONS = ("forward", "backward", "gradient")


@dataclass(frozen=True)
class Crossing:
    """One array that crosses between devices in every training step.

    Attributes:
      layer: whose input crosses, or "logits"; the parameters' layer for gradients; "metrics".
      direction: "forward" or "backward"; "gradient" for sums of the parameters' gradients over
        the devices that share a batch.
      kind: the HLO name of the collective.
      dtype: the HLO name of the type that is sent.
      values_per_image: values that each sender sends to others, for each image of the batch.
        Where several groups of devices exchange, each with its own part of the batch, the sum
        over one sender of each: two towers send the same number however many pairs there are.
      bytes_per_step: sent by all devices together in one step.
      sending: the share of a group's devices that send.
    """

    layer: str
    direction: str
    kind: str
    dtype: str
    values_per_image: float
    bytes_per_step: float
    sending: float

    def to_json(self) -> dict[str, Any]:
        """The five values that a report promises; whole numbers where they are."""
        return {
            "layer": self.layer,
            "direction": self.direction,
            "kind": self.kind,
            "values_per_image": _whole(self.values_per_image),
            "bytes_per_step": _whole(self.bytes_per_step),
        }


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def layer_parts(topology: Topology, architecture: Architecture) -> dict[str, int]:
    """Into how many parts each layer's maps or units are split, by name of the layer."""
    parts, found = 1, {}
    for placed in architecture.placed():
        name = placed.layer.name
        if placed.kernel is not None:
            parts = topology.mesh.shape[topology.model] if name in topology.split else 1
        found[name] = parts
    return found


def column_names(topology: Topology) -> tuple[str, str]:
    """What to call the two devices that stand for all in a picture."""
    if topology.model is not None and not topology.gathered:
        pairs = f" of each of {topology.shares} pairs" if topology.data else ""
        return f"tower 0{pairs}", f"tower 1{pairs}"
    return f"device 0 of {topology.mesh.size}", f"device 1 of {topology.mesh.size}"


def crossings(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> list[Crossing]:
    """Every crossing of a training step: forward, backward, gradients, and the metrics last.

    Compiles the step for the topology's devices; no array is made.

    Raises:
      ValueError: a batch in several parts, whose loop the text of the program holds once.
    """
    if config.accumulate > 1:
        raise ValueError(f"crossings are those of accumulate=1, got {config.accumulate}")
    text = compiled_step(architecture, config, topology)
    found = read(text, architecture, config.batch, topology)
    layers = [*_names(architecture), "metrics"]

    def order(crossing: Crossing) -> tuple[bool, int, int]:
        place = layers.index(crossing.layer) if crossing.layer in layers else -1
        direction = DIRECTIONS.index(crossing.direction)
        return crossing.layer == "metrics", direction, -place if direction == 1 else place

    return sorted(found, key=order)


def compiled_step(architecture: Architecture, config: TrainConfig, topology: Topology) -> str:
    """The text of the compiled training step, for images as large as the network's input."""
    specs, side = topology.batch_specs(), architecture.image_size

    def place(name: str, shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        where = jax.NamedSharding(topology.mesh, specs[name])
        return jax.ShapeDtypeStruct((config.batch, *shape), dtype, sharding=where)

    batch: Any = {
        "image": place("image", (side, side, architecture.channels), jnp.uint8),
        "label": place("label", (), jnp.int32),
        "index": place("index", (), jnp.int32),
    }
    state = abstract_state(architecture, config, topology)
    statistics = topology.abstract(Statistics.abstract(side, architecture.channels))
    step: Any = make_train_step(architecture, config, topology, 1.0)
    with _names_kept():
        return step.lower(state, batch, statistics).compile().as_text()


@contextlib.contextmanager
def _names_kept() -> Iterator[None]:
    """A cache of compiled programs may hold this one with other names of its parts: not that."""
    setting = "jax_compilation_cache_include_metadata_in_key"
    before = getattr(jax.config, setting)
    jax.config.update(setting, True)
    try:
        yield
    finally:
        jax.config.update(setting, before)


def read(text: str, architecture: Architecture, batch: int, topology: Topology) -> list[Crossing]:
    """The crossings in the text of a step compiled for a batch on a topology."""
    found = collectives(text, topology.mesh.size)
    sizes = _sizes(architecture, topology)
    return [_crossing(one, _names(architecture), sizes, batch) for one in found]


def _names(architecture: Architecture) -> list[str]:
    return [layer.name for layer in architecture.layers] + ["logits"]


def _sizes(architecture: Architecture, topology: Topology) -> dict[str, set[int]]:
    """Numbers of values of a layer's kernel and bias on each device, by name of the layer."""
    parts = layer_parts(topology, architecture)
    kernels = {p.layer.name: p.kernel for p in architecture.placed() if p.kernel is not None}
    return {
        name: {math.prod(kernel) // parts[name], kernel[-1] // parts[name]}
        for name, kernel in kernels.items()
    }


def _crossing(
    found: Collective, names: list[str], sizes: dict[str, set[int]], batch: int
) -> Crossing:
    if not found.shape:
        layer, direction = "metrics", "forward"
    elif found.kind == "all-reduce" and "psum" in found.op_name:
        # `psum` is the transpose of letting a parameter differ between devices. Many are summed
        # at once: each array is told by what it is computed from, and by its size.
        fits = [name for name in sizes if math.prod(found.shape) in sizes[name]]
        layer, direction = _layer(found.upstream, fits) or (fits or ["unknown"])[-1], "gradient"
    else:
        layer = _layer((found.op_name, *found.upstream), names) or "unknown"
        direction = "backward" if "transpose(" in found.op_name else "forward"
    return Crossing(
        layer,
        direction,
        found.kind,
        found.dtype,
        values_per_image=found.groups * found.values / batch,
        bytes_per_step=found.bytes,
        sending=found.senders / found.members,
    )


def _layer(op_names: tuple[str, ...], names: list[str]) -> str | None:
    """The first of the names in op_names like "jit(f)/transpose(jvp(conv3))/reduce_scatter"."""
    words = "/".join(op_names).replace("(", "/").replace(")", "/").split("/")
    return next((word for word in words if word in names), None)
