"""Which known network another computes, and its kernels in the layout of other projects."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Conv, Dense, Dropout, presets
from alexnet_jax.weights.arrays import Params, turned_back


def widths(architecture: Architecture) -> dict[str, dict[str, Any]]:
    """What makes a preset as wide as a network."""
    return {
        layer.name: {"maps": layer.maps}
        for layer in architecture.layers[:-1]
        if isinstance(layer, Conv | Dense)
    }


def require_like(own: Architecture, names: Sequence[str], to: str) -> str:
    """The first of the presets that computes what a network does, whatever its widths.

    Raises:
      InputError: none does; `to` is the kind of file that holds only those.
    """
    for name in names:
        with contextlib.suppress(InputError):  # of other layers, or too small for these
            like = presets.architecture(
                name,
                image_size=own.image_size,
                channels=own.channels,
                classes=own.classes,
                layers=widths(own),
            )
            if _function(like) == _function(own):
                return name
    raise InputError(
        f"the kind {to} holds networks like {' and '.join(names)}, and {own.name} computes "
        "something else; onnx, stablehlo and safetensors take every network"
    )


def _function(architecture: Architecture) -> list[Any]:
    """The layers without what only training knows."""
    found: list[Any] = []
    for layer in architecture.layers:
        if isinstance(layer, Conv | Dense):
            layer = dataclasses.replace(layer, std=None, bias=0.0, init="normal")
        if not (isinstance(layer, Dropout) and layer.inverted):
            found.append(layer)
    return found


def source_layout(
    architecture: Architecture, params: Params
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernels (out, in, height, width) or (out, in), fc6 over map, height, width; and biases."""
    return {
        placed.layer.name: (
            turned_back(params[placed.layer.name]["kernel"], placed),
            params[placed.layer.name]["bias"],
        )
        for placed in architecture.placed()
        if placed.kernel is not None
    }
