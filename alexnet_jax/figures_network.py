"""A picture of a network on two devices and of what crosses between them, as a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from alexnet_jax.config import Architecture, Placed
from alexnet_jax.figures import blank_figure
from alexnet_jax.layers import LRN, Conv, Dense, Dropout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Crossing(Protocol):
    """What the picture shows of a crossing: see `communication.Crossing`."""

    @property
    def layer(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def bytes_per_step(self) -> float: ...


_INK, _QUIET = "#1f2933", "#7b8794"
_WAYS = {"forward": "#1d6fa5", "backward": "#c2410c", "gradient": "#5f6b7a"}
_FILLS = {"conv": "#cfe6e1", "dense": "#ddd8f0", "norm": "#fbe8bf", "other": "#eceff2"}

# Inches. A device's column is centred at +-_CENTRE and at most 2 _HALF wide.
_CENTRE, _HALF, _GAP = 3.2, 1.5, 0.16
_EDGE = _CENTRE + _HALF


def network_picture(
    architecture: Architecture,
    parts: dict[str, int],
    crossings: Sequence[Crossing],
    batch: int,
    title: str,
) -> Figure:
    """Two of the devices with their layers, from images to logits, and arrows for what crosses.

    Arrows are labelled with the bytes that all devices send together for one image of the batch,
    and the wider the more bytes.

    Args:
      parts: into how many parts each layer is split, by name.
      batch: images of a step.
    """
    placed = [p for p in architecture.placed() if not isinstance(p.layer, Dropout)]
    heights = [0.62 if isinstance(p.layer, Conv | Dense | LRN) else 0.34 for p in placed]
    total = sum(heights) + _GAP * (len(placed) + 1) + 0.8
    # Gradients are summed between devices that hold the same layers: two towers do not.
    aside = any(p.layer.name in parts for p in placed) and parts[placed[0].layer.name] > 1
    summed = any(crossing.direction == "gradient" for crossing in crossings)
    right = _EDGE + (2.0 if aside and summed else 0.25)
    figure = blank_figure(right + _EDGE + 0.25, total + 1.25)
    axes = figure.subplots()
    axes.set(xlim=(-_EDGE - 0.25, right), ylim=(-total - 0.55, 0.7), aspect="equal")
    axes.axis("off")
    middle = (right - _EDGE - 0.25) / 2
    axes.text(middle, 0.55, title, ha="center", va="center", fontsize=11, color=_INK)
    _names(axes, aside, architecture)
    sent = _bytes_per_image(crossings, batch)
    largest, y = max(sent.values(), default=1.0), -0.05
    _box(axes, 0, y - 0.17, 2 * _EDGE, 0.34, _images(architecture, aside), "other")
    y -= 0.34 + _GAP
    for p, height in zip(placed, heights, strict=True):
        y -= height / 2
        for side in (-1, 1):
            share = parts[p.layer.name]
            _layer(axes, side * _CENTRE, y, height, p, share)
        _arrows(axes, p.layer.name, y, sent, largest, aside)
        y -= height / 2 + _GAP
    _arrows(axes, "logits", y - 0.12, sent, largest, aside)
    if ("logits", "forward") in sent:
        axes.text(0, y - 0.42, "logits", **_TEXT, color=_QUIET)
    _legend(axes, middle, -total - 0.35)
    return figure
