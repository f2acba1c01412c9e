"""Picture of a network on two devices and of the arrays that cross between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from alexnet_jax.display import blank_figure, style
from alexnet_jax.network import Architecture, AveragePool, Conv, Dense, Dropout, Local, MaxPool

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Crossing(Protocol):
    """Fields of a `communication.Crossing` that the picture shows."""

    @property
    def layer(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def bytes_per_step(self) -> float: ...


_INK, _QUIET, _LINE = style.INK, style.GREY, "#b8c2cc"
_WAYS = {
    "forward": (style.BLUE, "forward"),
    "backward": (style.ORANGE, "backward"),
    "gradient": (style.VIOLET, "sum of the weights' gradients"),
}
_FILLS: dict[type, str] = {
    Conv: "#cde7e2", Local: "#cde7e2", Dense: "#dcd7f2", MaxPool: "#e9edf0", AveragePool: "#e9edf0",
}  # fmt: skip
_OTHER = "#fbe9c2"

# Inches: centres of the columns of the two devices, least and largest width of a box, height of a
# row, gap between rows, and width of the space for arrows to other pairs.
_CENTRE, _NARROW, _WIDE = 3.25, 1.9, 2.9
_EDGE = _CENTRE + _WIDE / 2
_ROW, _GAP, _BESIDE = 0.52, 0.13, 2.7


def network_picture(
    architecture: Architecture,
    parts: dict[str, int],
    crossings: Sequence[Crossing],
    batch: int,
    columns: tuple[str, str],
    title: str,
) -> Figure:
    """Draw the layers of two devices, from images to logits, with arrows for the crossings.

    Arrows are labelled with the bytes that all devices together send for one image of the batch;
    wider arrows stand for more bytes. Wider boxes stand for layers with more values.

    Args:
      parts: number of parts that each layer is split into, by its name.
      crossings: crossings of a training step.
      batch: images of a step.
      columns: names of the two devices.
    """
    layers = [p for p in architecture.placed() if not isinstance(p.layer, Dropout)]
    rows = [(p.layer.name, p.output, _FILLS.get(type(p.layer), _OTHER)) for p in layers]
    sent = _sent(crossings, batch)
    if ("logits", "forward") in sent:
        classes = architecture.require_classes("a training step")
        rows.append(("logits", (classes,), "#ffffff"))
    shapes = [(*shape[:-1], shape[-1] // parts.get(name, 1)) for name, shape, _ in rows]
    widths = _widths([math.prod(shape) for shape in shapes])
    # Two devices with different parts of a layer sum their gradients with other pairs' devices.
    other_pairs = parts[rows[0][0]] > 1 and any(way == "gradient" for _, way in sent)
    right = _EDGE + (_BESIDE if other_pairs else 0)
    bottom = -(len(rows) + 1) * (_ROW + _GAP)
    figure = blank_figure(right + _EDGE + 0.4, 1.55 - bottom)
    axes = figure.subplots()
    axes.set(xlim=(-_EDGE - 0.2, right + 0.2), ylim=(bottom - 0.2, 1.35), aspect="equal")
    axes.axis("off")
    axes.text(-_EDGE, 1.15, title, va="center", fontsize=style.HEADING, color=_INK)
    _head(axes, architecture, columns)
    if other_pairs:
        middle = (_EDGE + right) / 2
        axes.text(middle, 0.55, "to the other pairs", ha="center", fontsize=11, color=_QUIET)
    largest = max(sent.values(), default=(0.0, ""))[0]
    for row, ((name, _, fill), shape, width) in enumerate(zip(rows, shapes, widths, strict=True)):
        y = -(row + 1) * (_ROW + _GAP)
        for x in (-_CENTRE, _CENTRE):
            axes.plot([x, x], [y + _ROW / 2, y + _ROW / 2 + _GAP], color=_LINE, lw=1.5, zorder=0)
            _box(axes, x, y, width, fill)
            axes.text(x - width / 2 + 0.12, y, name, va="center", weight="bold", color=_INK)
            size = " x ".join(map(str, shape))
            axes.text(x + width / 2 - 0.12, y, size, ha="right", va="center", color=_INK)
        ways = [way for way in _WAYS if (name, way) in sent]
        for way in ways:
            count, kind = sent[name, way]
            outside = other_pairs and way == "gradient"
            inner = len([w for w in ways if not (other_pairs and w == "gradient")])
            shift = 0.0 if outside or inner == 1 else 0.135 - 0.27 * ways.index(way)
            ends = (width / 2 - _CENTRE, _CENTRE - width / 2)
            if outside:
                ends = (_CENTRE + width / 2, right)
            line = 1 + 4 * math.sqrt(count / largest)
            _arrow(axes, ends, y + shift, line, f"{kind}  {_size(count)}", way)
    _legend(axes, [way for way in _WAYS if any(key[1] == way for key in sent)], bottom + 0.02)
    return figure


def _sent(crossings: Sequence[Crossing], batch: int) -> dict[tuple[str, str], tuple[float, str]]:
    """Return (bytes per image, kind of collective) by (layer, direction), without the metrics."""
    sent: dict[tuple[str, str], tuple[float, str]] = {}
    for crossing in crossings:
        if crossing.layer != "metrics":
            key = (crossing.layer, crossing.direction)
            before = sent.get(key, (0.0, ""))[0]
            sent[key] = (before + crossing.bytes_per_step / batch, crossing.kind)
    return sent


def _widths(values: list[int]) -> list[float]:
    """Return widths of boxes in inches, linear in the logarithm of the number of values."""
    logs = [math.log(value) for value in values]
    low, span = min(logs), max(max(logs) - min(logs), 1e-9)
    return [_NARROW + (_WIDE - _NARROW) * (log - low) / span for log in logs]


def _size(count: float) -> str:
    """Format bytes in decimal units with three digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5 or unit == "GB":
            break
        count /= 1000
    digits = 0 if unit == "B" or count >= 99.95 else 1 if count >= 9.995 else 2
    return f"{count:.{digits}f} {unit}"


def _head(axes: Axes, architecture: Architecture, columns: tuple[str, str]) -> None:
    for x, column in zip((-_CENTRE, _CENTRE), columns, strict=True):
        axes.text(x, 0.55, column, ha="center", fontsize=11, color=_QUIET)
        _box(axes, x, 0, _WIDE, "#ffffff")
        size = " x ".join(map(str, architecture.input_shape))
        axes.text(x - _WIDE / 2 + 0.12, 0, "images", va="center", weight="bold", color=_INK)
        axes.text(x + _WIDE / 2 - 0.12, 0, size, ha="right", va="center", color=_INK)


def _box(axes: Axes, x: float, y: float, width: float, fill: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (x - width / 2, y - _ROW / 2)
    rounded = "round,pad=0,rounding_size=0.09"
    axes.add_patch(FancyBboxPatch(corner, width, _ROW, boxstyle=rounded, fc=fill, ec=_LINE, lw=1))


def _arrow(
    axes: Axes, ends: tuple[float, float], y: float, line: float, label: str, way: str
) -> None:
    from matplotlib.patches import FancyArrowPatch

    colour = _WAYS[way][0]
    axes.add_patch(
        FancyArrowPatch(
            (ends[0] + 0.05, y),
            (ends[1] - 0.05, y),
            arrowstyle="<|-|>",
            mutation_scale=7 + line,
            shrinkA=0,
            shrinkB=0,
            lw=line,
            color=colour,
        )
    )
    background = {"boxstyle": "square,pad=0.12", "fc": "white", "ec": "none"}
    middle = sum(ends) / 2
    axes.text(
        middle, y, label, ha="center", va="center", fontsize=9.5, color=colour, bbox=background
    )


def _legend(axes: Axes, ways: list[str], y: float) -> None:
    x = -_EDGE
    for way in ways:
        colour, words = _WAYS[way]
        axes.plot([x, x + 0.35], [y, y], color=colour, lw=3, solid_capstyle="butt")
        axes.text(x + 0.45, y, words, va="center", fontsize=9.5, color=colour)
        x += 0.85 + 0.076 * len(words)
    axes.text(x, y, "bytes that all devices send for one image", va="center", color=_QUIET)
