"""One picture through the layers of a network: the maps that answer most, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import centre_views
from alexnet_jax.inference import Trained
from alexnet_jax.network import Architecture, Dropout, Params, activations

_MAPS = 16  # maps of a layer that are shown, of all towers together
_UNITS_IN_A_ROW = 64


@dataclass(frozen=True)
class Answer:
    """Output of a layer for one picture.

    Attributes:
      layer: name of the layer.
      shape: shape of its output for one image.
      maps: [H, W, M], the maps of each tower with the largest mean square, tower by tower; for a
        dense layer [rows, units in a row, 1], filled up with the least value.
      numbers: the maps' numbers, () for a dense layer.
      silent: share of values that are exactly 0, as after ReLU.
    """

    layer: str
    shape: tuple[int, ...]
    maps: np.ndarray
    numbers: tuple[int, ...]
    silent: float


def views(trained: Trained, stored: np.ndarray) -> jax.Array:
    """Return the centre views of stored images, [B, H, W, C] as `forward` takes them."""
    size, scale = trained.architecture.image_size, trained.config.scale
    dtype = trained.params[next(iter(trained.params))]["kernel"].dtype
    return centre_views(
        jnp.asarray(stored), trained.statistics, size=size, scale=scale, dtype=dtype
    )


def answers(trained: Trained, image: np.ndarray) -> list[Answer]:
    """Return what each layer but dropout and the classifier answers to a stored image [S, S, C]."""
    network = trained.architecture
    outputs = _activations(network, trained.params, views(trained, image[None]))
    passed = {layer.name for layer in network.layers if isinstance(layer, Dropout)} | {"logits"}
    return [
        _answer(name, np.asarray(outputs[name][0], np.float64), network.towers)
        for name in network.outputs()  # jit has sorted the outputs by name
        if name not in passed
    ]


@partial(jax.jit, static_argnums=0)
def _activations(
    architecture: Architecture, params: Params, images: jax.Array
) -> dict[str, jax.Array]:
    return activations(architecture, params, images)


def _answer(name: str, values: np.ndarray, towers: int) -> Answer:
    silent = float(np.mean(values == 0))
    if values.ndim == 1:
        maps = np.full(-(-values.size // _UNITS_IN_A_ROW) * _UNITS_IN_A_ROW, values.min())
        maps[: values.size] = values
        return Answer(name, values.shape, maps.reshape(-1, _UNITS_IN_A_ROW, 1), (), silent)
    numbers = tuple(_strongest(values, towers))
    return Answer(name, values.shape, values[..., numbers], numbers, silent)


def _strongest(values: np.ndarray, towers: int) -> Iterator[int]:
    """Yield the maps of each tower with the largest mean square, in their order."""
    energy = np.square(values).mean((0, 1))
    each = len(energy) // towers
    for first in range(0, each * towers, each):
        order = np.argsort(-energy[first : first + each], kind="stable")[: _MAPS // towers]
        yield from sorted(int(first + number) for number in order)
