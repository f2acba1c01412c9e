"""Communication of a training step by layer, read from the compiled program."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from alexnet_jax.network import Architecture
from alexnet_jax.parallel import Topology
from alexnet_jax.planning.hlo import Collective, collectives
from alexnet_jax.planning.lowering import compile_lowered, lower_step
from alexnet_jax.runs import TrainConfig

DIRECTIONS = ("forward", "backward", "gradient")


@dataclass(frozen=True)
class Crossing:
    """One array that crosses between devices in every training step.

    Attributes:
      layer: the layer whose input crosses, or "logits"; for gradients the layer of the
        parameters; "metrics" for the metrics.
      direction: "forward" or "backward"; "gradient" for sums of the parameters' gradients over
        the devices that share a batch.
      kind: the HLO name of the collective.
      dtype: the HLO name of the element type.
      values_per_image: values that each sender sends to others, for each image of the batch.
        Where several groups of devices exchange different parts of the batch, one sender of each
        group is counted: the number for two towers does not depend on the number of pairs.
      bytes_per_step: bytes sent by all devices together in one step.
      sending: fraction of a group's devices that send.
      asynchronous: whether the devices compute while the array crosses.
    """

    layer: str
    direction: str
    kind: str
    dtype: str
    values_per_image: float
    bytes_per_step: float
    sending: float
    asynchronous: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the five fields of a JSON report; numbers without a fraction become integers."""
        return {
            "layer": self.layer,
            "direction": self.direction,
            "kind": self.kind,
            "values_per_image": _whole(self.values_per_image),
            "bytes_per_step": _whole(self.bytes_per_step),
        }


def _whole(value: float) -> float:
    """Return a value as an integer if it has no fraction."""
    return int(value) if float(value).is_integer() else value


def layer_parts(topology: Topology, architecture: Architecture) -> dict[str, int]:
    """Return the number of parts that each layer's maps or units are split into, by its name."""
    parts, by_layer = 1, {}
    for placed in architecture.placed():
        name = placed.layer.name
        if placed.kernel is not None:
            parts = topology.mesh.shape[topology.model] if name in topology.split else 1
        by_layer[name] = parts
    return by_layer


def column_names(topology: Topology) -> tuple[str, str]:
    """Return the names of the two devices that represent all devices in a picture."""
    if topology.model is not None and not topology.gathered:
        pairs = f" of each of {topology.shares} pairs" if topology.data else ""
        return f"tower 0{pairs}", f"tower 1{pairs}"
    return f"device 0 of {topology.mesh.size}", f"device 1 of {topology.mesh.size}"


def crossings(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> list[Crossing]:
    """List the crossings of a training step: forward, backward, gradients, and the metrics last.

    The step is compiled for the topology's devices, without allocating arrays.

    Raises:
      ValueError: a batch computed in several parts, since the text of the program contains the
        body of their loop only once.
    """
    if config.accumulate > 1:
        raise ValueError(f"crossings are those of accumulate=1, got {config.accumulate}")
    text = compiled_step(architecture, config, topology)
    unordered = read_crossings(text, architecture, config.batch, topology)
    layers = [*_names(architecture), "metrics"]

    def order(crossing: Crossing) -> tuple[bool, int, int]:
        index = layers.index(crossing.layer) if crossing.layer in layers else -1
        direction = DIRECTIONS.index(crossing.direction)
        return crossing.layer == "metrics", direction, -index if direction == 1 else index

    return sorted(unordered, key=order)


def compiled_step(architecture: Architecture, config: TrainConfig, topology: Topology) -> str:
    """Return the HLO text of the training step, compiled for stored images of the input's size."""
    text: str = compile_lowered(lower_step(architecture, config, topology), topology).as_text()
    return text


def read_crossings(
    text: str, architecture: Architecture, batch: int, topology: Topology
) -> list[Crossing]:
    """Read the crossings from the text of a step compiled for a batch on a topology."""
    names, sizes = _names(architecture), _sizes(architecture, topology)
    return [
        _crossing(collective, names, sizes, batch)
        for collective in collectives(text, topology.mesh.size)
    ]


def _names(architecture: Architecture) -> list[str]:
    return [layer.name for layer in architecture.layers] + ["logits"]


def _sizes(architecture: Architecture, topology: Topology) -> dict[str, set[int]]:
    """Return the sizes of a layer's kernel and bias on each device, by name of the layer."""
    parts = layer_parts(topology, architecture)
    return {
        p.layer.name: {math.prod(s) // parts[p.layer.name] for s in (p.kernel, p.bias) if s}
        for p in architecture.placed()
        if p.kernel is not None
    }


def _crossing(
    collective: Collective, names: list[str], sizes: dict[str, set[int]], batch: int
) -> Crossing:
    """Attribute a collective to a layer and a direction."""
    if not collective.shape:
        layer, direction = "metrics", "forward"
    elif collective.kind == "all-reduce" and "psum" in collective.op_name:
        # `psum` is the transpose of marking a parameter as varying between devices. One all-reduce
        # sums the gradients of many layers: the layer of each array follows from the operations
        # that it is computed from, and from its size.
        fits = [name for name in sizes if math.prod(collective.shape) in sizes[name]]
        layer = _layer(collective.upstream, fits) or (fits[-1] if fits else "unknown")
        direction = "gradient"
    else:
        # A compiler that replaces a collective by another one may leave out its name.
        origins = [name for name in (collective.op_name, *collective.upstream) if name]
        origin = next((name for name in origins if _layer((name,), names)), "")
        layer = _layer((origin,), names) or "unknown"
        direction = "backward" if "transpose(" in (collective.op_name or origin) else "forward"
    return Crossing(
        layer,
        direction,
        collective.kind,
        collective.dtype,
        values_per_image=collective.groups * collective.values / batch,
        bytes_per_step=collective.bytes,
        sending=collective.senders / collective.members,
        asynchronous=collective.asynchronous,
    )


def _layer(op_names: tuple[str, ...], names: list[str]) -> str | None:
    """Return the first name in op_names such as "jit(f)/transpose(jvp(conv3))/reduce_scatter"."""
    words = "/".join(op_names).replace("(", "/").replace(")", "/").split("/")
    return next((word for word in words if word in names), None)
