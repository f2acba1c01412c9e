"""Sentences of the page about layers, switches and results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alexnet_jax.network import (
    LRN,
    Architecture,
    AveragePool,
    Conv,
    Dense,
    Local,
    MapNorm,
    Placed,
    reads_all_maps,
)
from alexnet_jax.serving.examiner import Covered
from alexnet_jax.serving.switches import Switches


def about_layer(placed: Placed, network: Architecture) -> str:
    """Return a sentence or two about a layer: its operation, and what a tower reads."""
    layer = placed.layer
    match layer:
        case Conv() | Local():
            kind = "convolution" if isinstance(layer, Conv) else "locally connected layer"
            text = f"{_size(layer.kernel)} {kind}, stride {layer.stride}{_then(layer.activation)}."
        case Dense():
            text = f"Fully connected layer{_then(layer.activation)}."
        case LRN():
            scope = "of its tower" if layer.within_tower else "of both towers"
            return (
                f"Response normalization: each value is divided by ({layer.k:g} + {layer.alpha:g} "
                f"times the sum of squares of {layer.n} neighbouring maps"
                f"{f' {scope}' if network.towers > 1 else ''} at its place)^{layer.beta:g}."
            )
        case MapNorm():
            return (
                f"Response normalization within each map, over windows of {_size(layer.size)} "
                f"around each place."
            )
        case _:
            kind = "Average" if isinstance(layer, AveragePool) else "Maximum"
            size, stride = getattr(layer, "size", 0), getattr(layer, "stride", 0)
            then = _then(getattr(layer, "activation", "linear"))
            return f"{kind} over windows of {_size(size)}, {stride} apart{then}."
    first = placed.layer.name == network.layers[0].name
    if network.towers > 1 and not first:
        whose = "the maps of both" if reads_all_maps(layer) else "its own maps alone"
        text += f" Each tower reads {whose}."
    return text


def what_changed(
    words: Sequence[str], switches: Switches, plain: np.ndarray, now: np.ndarray
) -> str:
    """Return a sentence about the effect of the switches; "" if nothing is switched off.

    Args:
      words: names of the classes.
      plain, now: [classes] probabilities without and with the switches.
    """
    if switches.plain:
        return ""
    parts = []
    if switches.tower != "both":
        parts.append(f"tower {1 if switches.tower == '0' else 0}")
    if not switches.norms:
        parts.append("response normalization")
    before, after = int(plain.argmax()), int(now.argmax())
    without = f"Without {' and '.join(parts)}"
    if before == after:
        return (
            f"{without} the answer stays {words[before]}: {_percent(now[before])} instead of "
            f"{_percent(plain[before])}."
        )
    return (
        f"{without} the answer is {words[after]} instead of {words[before]}, whose probability "
        f"goes from {_percent(plain[before])} to {_percent(now[before])}."
    )


def what_mattered(word: str, covered: Covered, side: int) -> str:
    """Return a sentence about the map of what mattered.

    Args:
      word: name of the class.
      side: shorter side of the view, in pixels.
    """
    low = float(covered.values.min())
    text = (
        f"A square of {covered.side}x{covered.side} of {side} pixels covers each place in turn; "
        f"red marks where {word} then becomes less likely, blue where more."
    )
    if covered.uncovered - low < 0.01:
        return f"{text} Here no place lowers its probability by 1% or more."
    return f"{text} At worst it falls from {_percent(covered.uncovered)} to {_percent(low)}."


def _size(side: int) -> str:
    return f"{side}x{side}"


def _then(activation: str) -> str:
    names = {"relu": ", then ReLU", "tanh": ", then tanh"}
    return names.get(activation, "")


def _percent(probability: float) -> str:
    return f"{probability:.1%}"
