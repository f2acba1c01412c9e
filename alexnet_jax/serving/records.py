"""Records of what was examined, as values for JSON; numbers of a layer are float32 in base64."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alexnet_jax.inference import Trained, top_classes
from alexnet_jax.network import Dropout
from alexnet_jax.serving.examiner import Covered, Pass
from alexnet_jax.serving.switches import Switches, norms_of
from alexnet_jax.serving.told import about_layer, what_changed, what_mattered

TOP = 5
Record = dict[str, Any]


def network_record(trained: Trained, labels: Sequence[str]) -> Record:
    """Return the description of a network: name, input, layers, switches.

    Args:
      labels: classes of the sample pictures.
    """
    network, config = trained.architecture, trained.config
    shapes = network.outputs()
    return {
        "name": config.name,
        "preset": network.name,
        "step": trained.step,
        "classes": network.classes,
        "input": list(network.input_shape),
        "towers": network.towers,
        "norms": list(norms_of(network)),
        "layers": [
            {
                "name": placed.layer.name,
                "shape": list(shapes[placed.layer.name]),
                "about": about_layer(placed, network),
            }
            for placed in network.placed()
            if placed.layer.name in shapes and not isinstance(placed.layer, Dropout)
        ],
        "samples": list(labels),
    }


def examined_record(
    trained: Trained, seen: np.ndarray, switches: Switches, plain: Pass, now: Pass
) -> Record:
    """Return what the page shows of a picture.

    Args:
      seen: [H, W, C] uint8, the part of the picture that the network sees.
      plain: result of the network as it was trained.
      now: result with `switches`.
    """
    words = trained.class_words
    top = [
        {
            "index": index,
            "class": words[index],
            "probability": float(now.probabilities[index]),
            "plain": float(plain.probabilities[index]),
        }
        for index in top_classes(now.probabilities, TOP)
    ]
    changed = what_changed(words, switches, plain.probabilities, now.probabilities)
    dropouts = {one.name for one in trained.architecture.layers if isinstance(one, Dropout)}
    return {
        "seen": png(seen),
        "top": top,
        "changed": changed,
        "layers": {
            name: encoded(values) for name, values in now.layers.items() if name not in dropouts
        },
    }


def covered_record(words: Sequence[str], covered: Covered, side: int) -> Record:
    """Return the map of what mattered.

    Args:
      words: names of the classes.
      side: shorter side of the view, in pixels.
    """
    return {
        "class": words[covered.label],
        "uncovered": covered.uncovered,
        "side": covered.side,
        "stride": covered.stride,
        "about": what_mattered(words[covered.label], covered, side),
        **encoded(covered.values),
    }


def encoded(values: np.ndarray) -> Mapping[str, object]:
    """Return an array of float32 as its shape and its bytes, little-endian, in base64."""
    flat = np.ascontiguousarray(values, "<f4")
    return {"shape": list(values.shape), "values": base64.b64encode(flat.tobytes()).decode()}


def png(pixels: np.ndarray) -> str:
    """Return pixels [H, W, C] uint8 of 1 or 3 channels as the URL of a PNG that it contains."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(pixels)).decode()


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return pixels [H, W, C] uint8 of 1 or 3 channels as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
