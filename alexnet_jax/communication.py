"""What crosses between devices in one training step, by layer: read from the compiled program.

Beside it stands what the paper's figure 2 implies: where a layer reads the maps of both towers,
each tower sends its half, and a normalization over all maps needs its neighbours' n // 2. Both go
forward and come back as gradients; the logits go forward only, since the loss is computed on both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax.augment import Statistics
from alexnet_jax.config import Architecture
from alexnet_jax.errors import InputError
from alexnet_jax.hlo import Collective, collectives
from alexnet_jax.layers import LRN
from alexnet_jax.model import reads_all_maps
from alexnet_jax.parallel import Topology
from alexnet_jax.recipe import TrainConfig
from alexnet_jax.state import abstract_state
from alexnet_jax.train import make_train_step

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


def check_batch(batch: int, topology: Topology) -> None:
    """Raises InputError for a batch that does not divide over a topology's devices."""
    if batch % topology.shares:
        raise InputError(
            f"a batch of {batch} does not divide over {topology.shares} devices; the next that "
            f"does is {topology.divisible(batch)}"
        )


def layer_parts(topology: Topology, architecture: Architecture) -> dict[str, int]:
    """Into how many parts each layer's maps or units are split, by name of the layer."""
    parts, found = 1, {}
    for placed in architecture.placed():
        name = placed.layer.name
        if placed.kernel is not None:
            parts = topology.mesh.shape[topology.model] if name in topology.split else 1
        found[name] = parts
    return found


def crossings(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> list[Crossing]:
    """Every crossing of a training step: forward, backward, gradients, and the metrics last.

    Compiles the step for the topology's devices; no array is made.
    """
    text = compiled_step(architecture, config, topology)
    found = read(text, architecture, config.batch, topology.mesh.size)
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
    return step.lower(state, batch, statistics).compile().as_text()


def read(text: str, architecture: Architecture, batch: int, devices: int) -> list[Crossing]:
    """The crossings in a compiled step's text, for a batch over so many devices."""
    names = _names(architecture)
    return [_crossing(found, names, batch) for found in collectives(text, devices)]


def _names(architecture: Architecture) -> list[str]:
    return [layer.name for layer in architecture.layers] + ["logits"]


def _crossing(found: Collective, names: list[str], batch: int) -> Crossing:
    direction = "backward" if "transpose(" in found.op_name else "forward"
    if found.scalar:
        layer, direction = "metrics", "forward"
    else:
        # A sum of gradients, often many at once, is told by what it sums.
        scopes = (_scope(op_name, names) for op_name in (found.op_name, *found.upstream))
        layer = next(filter(None, scopes), "unknown")
        # `psum` is the transpose of letting a parameter differ between devices.
        if found.kind == "all-reduce" and "psum" in found.op_name:
            direction = "gradient"
    return Crossing(
        layer,
        direction,
        found.kind,
        found.dtype,
        values_per_image=found.groups * found.values / batch,
        bytes_per_step=found.bytes,
        sending=found.senders / found.members,
    )


def _scope(op_name: str, names: list[str]) -> str | None:
    """The layer in "jit(f)/transpose(jvp(conv3))/reduce_scatter"."""
    words = op_name.replace("(", "/").replace(")", "/").split("/")
    return next((word for word in words if word in names), None)


def figure_values(architecture: Architecture) -> dict[tuple[str, str], float]:
    """Values from each tower for each image, by (layer, direction), as figure 2 of the paper has it.

    Empty for a network of one tower. A classifier that does not split needs the whole input on
    both, and no logits cross.
    """
    if architecture.towers != 2:
        return {}
    found: dict[tuple[str, str], float] = {}
    last = architecture.layers[-1]
    split = architecture.classes % 2 == 0
    for index, placed in enumerate(architecture.placed()):
        layer, values = placed.layer, 0
        if index and reads_all_maps(layer):
            values = math.prod(placed.input) // 2
        if isinstance(layer, LRN) and not layer.within_tower:
            values = math.prod(placed.input[:-1]) * (layer.n // 2)
        if values:
            found[layer.name, "forward"] = values
            if split or layer is not last:
                found[layer.name, "backward"] = values
    if split:
        found["logits", "forward"] = architecture.classes // 2
    return found


def table(found: list[Crossing], architecture: Architecture, config: TrainConfig) -> str:
    """The crossings as text, with totals, beside what the figure implies.

    A line holds what a layer sends in one direction by one kind of collective: the values of all
    its arrays, averaged over the devices of a group, for each image; and the bytes of a step.
    """
    figure = figure_values(architecture)
    size = jnp.dtype(config.dtype).itemsize * 2 * config.batch  # of both towers
    keys = dict.fromkeys((c.layer, c.direction, c.kind, c.dtype) for c in found)
    lines = [("layer", "direction", "collective", "type", "arrays", *_HEAD)]
    for key in keys:
        same = [c for c in found if (c.layer, c.direction, c.kind, c.dtype) == key]
        lines.append((*key, str(len(same)), *_sums(same, figure.get(key[:2]), size)))
    rows = len(lines)
    for direction in (*DIRECTIONS, "all"):
        # The metrics are no part of the forward pass: a handful of numbers a step.
        of_layers = [c for c in found if c.layer != "metrics" and c.direction == direction]
        chosen = found if direction == "all" else of_layers
        implied = sum(v for (_, way), v in figure.items() if direction in (way, "all"))
        sums = _sums(chosen, implied, size)
        if chosen or implied:
            lines.append(("total", direction, "", "", str(len(chosen)), *sums))
    return f"{_aligned(lines, rows)}\n\n{_NOTE}" if found else "nothing crosses between devices"


_HEAD = ("values/image", "bytes/step", "figure 2: values/image", "bytes/step")
_NOTE = (
    "values/image: from each device to the others of its group; bytes/step: from all devices, "
    "for the\nwhole batch; figure 2: the same for two towers, as the paper draws them"
)


def _sums(chosen: list[Crossing], implied: float | None, size: int) -> tuple[str, ...]:
    values = sum(c.values_per_image * c.sending for c in chosen)
    measured = (_number(values), _number(sum(c.bytes_per_step for c in chosen)))
    return (*measured, *((_number(implied), _number(implied * size)) if implied else ("", "")))


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{1 if value > 1 else 2}f}"


def _aligned(lines: list[tuple[str, ...]], rows: int) -> str:
    """Columns of text, the first four to the left, with rules below the head and `rows` lines."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.ljust(width) if column < 4 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * max(map(len, text))
    return "\n".join([text[0], rule, *text[1:rows], rule, *text[rows:]])
