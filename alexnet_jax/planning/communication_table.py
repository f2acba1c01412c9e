"""Table of the communication between devices, beside that which the paper's figure 2 implies."""

from __future__ import annotations

import math

import jax.numpy as jnp

from alexnet_jax.display import format_table
from alexnet_jax.network import LRN, Architecture, reads_all_maps
from alexnet_jax.planning.communication import DIRECTIONS, Crossing
from alexnet_jax.runs import TrainConfig


def figure_values(architecture: Architecture) -> dict[tuple[str, str], float]:
    """Return the values that each tower sends for each image, by (layer, direction).

    They are those that the paper's figure 2 implies. Where a layer reads the maps of both towers,
    each tower sends its half; for a normalization over all maps it sends the n // 2 maps next to
    the other tower. Both cross forward, and their gradients backward. The logits cross forward
    only, since both towers compute the loss. A classifier with an odd number of classes is not
    split: each tower needs its whole input, whose gradient does not cross, and no logits cross.

    The result is empty for a network of one tower.
    """
    if architecture.towers != 2:
        return {}
    implied: dict[tuple[str, str], float] = {}
    classes = architecture.require_classes("a training step")
    split = classes % 2 == 0
    for index, placed in enumerate(architecture.placed()):
        layer, values = placed.layer, 0
        if index and reads_all_maps(layer):
            values = math.prod(placed.input) // 2
        if isinstance(layer, LRN) and not layer.within_tower:
            values = math.prod(placed.input[:-1]) * (layer.n // 2)
        if values:
            implied[layer.name, "forward"] = values
            if split or layer.name != architecture.classifier:
                implied[layer.name, "backward"] = values
    if split:
        implied["logits", "forward"] = classes // 2
    return implied


def format_communication(
    found: list[Crossing], architecture: Architecture, config: TrainConfig
) -> str:
    """Format the crossings as text, with totals, beside the values that figure 2 implies.

    Each line sums the arrays that a layer sends in one direction by one kind of collective: values
    for each image, averaged over the devices of a group, and bytes for each step.
    """
    figure = figure_values(architecture)
    size = jnp.dtype(config.dtype).itemsize * 2 * config.batch  # of both towers
    keys = dict.fromkeys((c.layer, c.direction, c.kind, c.dtype) for c in found)
    lines: list[tuple[str, ...]] = [_HEAD]
    for key in keys:
        same = [c for c in found if (c.layer, c.direction, c.kind, c.dtype) == key]
        lines.append((*key, str(len(same)), *_sums(same, figure.get(key[:2]), size)))
    rows = len(lines)
    for direction in (*DIRECTIONS, "all"):
        # The metrics, a few numbers for each step, do not count as part of the forward pass.
        of_layers = [c for c in found if c.layer != "metrics" and c.direction == direction]
        chosen = found if direction == "all" else of_layers
        implied = sum(v for (_, way), v in figure.items() if direction in (way, "all"))
        sums = _sums(chosen, implied, size)
        if chosen or implied:
            lines.append(("total", direction, "", "", str(len(chosen)), *sums))
    return (
        f"{format_table(lines, len(_LABELS), rules=(1, rows))}\n\n{_NOTE}"
        if found
        else "nothing crosses between devices"
    )


_LABELS = ("layer", "direction", "collective", "type")
_HEAD = (*_LABELS, "arrays", "values/image", "bytes/step", "figure 2: values/image", "bytes/step")
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
