"""Parameters and images drawn bit for bit alike on every machine, by NumPy from Philox's bits.

`jax.random` draws normal numbers through functions that platforms round differently, and NumPy
promises the same stream for the bits of a generator only.
"""

from __future__ import annotations

import math

import numpy as np

from alexnet_jax.bench.work import stored_size
from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture

Params = dict[str, dict[str, np.ndarray]]
# Factor on the last layer's kernel: it keeps the softmax from 0 and 1, where gradients vanish.
_LAST = 0.1


def uniform(shape: tuple[int, ...], *seed: int) -> np.ndarray:
    """Draw float32 values of 24 bits from [-1, 1), the same for the same shape and two seeds."""
    bits = np.random.Philox(key=np.array(seed, np.uint64)).random_raw(math.prod(shape))
    return ((bits >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - 1).reshape(shape)


def parameters(architecture: Architecture) -> Params:
    """Draw parameters, float32, that keep the size of values from layer to layer.

    Kernels are uniform with a variance of 2 / fan-in, biases are uniform in [-0.1, 0.1).
    """
    params: Params = {}
    for index, placed in enumerate(architecture.placed()):
        if placed.kernel is None:
            continue
        bound = math.sqrt(6 / math.prod(placed.kernel[:-1]))
        if placed.layer.name == architecture.classifier:
            bound *= _LAST
        params[placed.layer.name] = {
            "kernel": uniform(placed.kernel, index, 0) * np.float32(bound),
            "bias": uniform(placed.kernel[-1:], index, 1) * np.float32(0.1),
        }
    return params


def pixels(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw images [B, H, W, C], uint8: squares of 16 pixels in random colours, with noise on them.

    Noise alone would give nearly the same maps for every image.
    """
    count, height, width, channels = shape
    colours = uniform((count, -(-height // 16), -(-width // 16), channels), 1, seed)
    squares = colours.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
    return np.floor(128 + 96 * squares + 32 * uniform(shape, 0, seed)).astype(np.uint8)


def images(architecture: Architecture, count: int) -> np.ndarray:
    """Draw images as the network takes them, [count, H, W, C] float32 in -127.5 to 127.5."""
    return pixels((count, *architecture.input_shape), 2) - np.float32(127.5)


def labels(architecture: Architecture, count: int) -> np.ndarray:
    """Draw labels, [count] int32."""
    classes = architecture.require_classes("a probe")
    return ((uniform((count,), 0, 3) + 1) / 2 * classes).astype(np.int32)


def batch(architecture: Architecture, count: int) -> tuple[dict[str, np.ndarray], Statistics]:
    """Draw a batch of stored images, uint8 and larger than the network's, with statistics."""
    side, channels = stored_size(architecture), architecture.channels
    stored = pixels((count, side, side, channels), 4)
    statistics = Statistics(
        np.full((side, side, channels), 127.5, np.float32),
        np.eye(channels, dtype=np.float32),
        np.full(channels, 60, np.float32),
    )
    index = np.arange(count, dtype=np.int32)
    return {"image": stored, "label": labels(architecture, count), "index": index}, statistics
