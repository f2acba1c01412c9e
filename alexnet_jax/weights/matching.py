"""Matching a network with the presets, and its kernels in the layout of other projects."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Dense, Dropout, PresetName, Weighted, presets
from alexnet_jax.weights.arrays import Params, to_oihw


def widths(architecture: Architecture) -> dict[str, dict[str, Any]]:
    """Return the changes that give a preset the widths of a network, for `layers`."""
    return {
        layer.name: {"units": layer.units} if isinstance(layer, Dense) else {"maps": layer.maps}
        for layer in architecture.layers
        if isinstance(layer, Weighted) and layer.name != architecture.classifier
    }


def require_like(own: Architecture, names: Sequence[PresetName], to: str) -> PresetName:
    """Return the first of the presets `names` that computes the network's function at its widths.

    Raises:
      InputError: no preset does; the message names `to`, the kind of file that needs one.
    """
    for name in names:
        with contextlib.suppress(InputError):  # the preset lacks layers, or needs larger images
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
    """Return the layers without the settings that matter only in training."""
    layers: list[Any] = []
    for layer in architecture.layers:
        if isinstance(layer, Weighted):
            layer = dataclasses.replace(layer, std=None, bias=0.0, init="normal")
        if not (isinstance(layer, Dropout) and layer.inverted):
            layers.append(layer)
    return layers


def source_layout(
    architecture: Architecture, params: Params
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (kernel, bias) of each layer in the layout of other projects.

    Kernels are (out, in, height, width) or (out, in), fc6's inputs in the order map, height, width.
    Those of locally connected layers are (place, kernel position and map, out), and their biases
    (map, height, width).
    """
    return {
        placed.layer.name: (
            to_oihw(params[placed.layer.name]["kernel"], placed),
            np.ascontiguousarray(np.moveaxis(params[placed.layer.name]["bias"], -1, 0)),
        )
        for placed in architecture.placed()
        if placed.kernel is not None
    }
