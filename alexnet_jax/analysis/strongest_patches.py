"""The images, and the places in them, that a layer's maps answer to most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, forward

Peaks = Callable[[Any, jax.Array], tuple[jax.Array, jax.Array]]


@dataclass(frozen=True)
class Strongest:
    """The `count` images with the largest peak of each map, the largest first.

    Attributes:
      values: [M, count] float32 the peaks.
      images: [M, count] int64 their images.
      places: [M, count, 2] int64 row and column of the peak in the map.
    """

    values: np.ndarray
    images: np.ndarray
    places: np.ndarray


def make_peaks(architecture: Architecture, layer: str) -> Peaks:
    """Jitted (params, views) -> (largest value of each map [B, M], its place [B, M] int32, row
    after row).

    Raises:
      InputError: a layer that has no maps.
    """
    shapes = {placed.layer.name: placed.output for placed in architecture.placed()}
    if len(shapes.get(layer, ())) != 3:
        there = ", ".join(name for name, shape in shapes.items() if len(shape) == 3)
        raise InputError(f"{architecture.name} has no maps in {layer!r}; there are {there}")

    @jax.jit
    def peaks(params: Any, views: jax.Array) -> tuple[jax.Array, jax.Array]:
        capture: dict[str, jax.Array] = {}
        forward(architecture, params, views, capture=capture)
        maps = capture[layer].reshape((views.shape[0], -1, shapes[layer][-1]))
        return jnp.max(maps, 1), jnp.argmax(maps, 1).astype(jnp.int32)

    return peaks


def strongest(
    peaks: Peaks,
    params: Any,
    blocks: Iterable[jax.Array],
    *,
    width: int,
    count: int,
) -> Strongest:
    """The images of a stream that each map answers to most; of equals, the earlier one.

    Args:
      peaks: of `make_peaks`.
      blocks: [B, H, W, C] views, numbered through from 0.
      width: columns of the layer's maps.
      count: images a map; all, where there are fewer.
    """
    kept: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    seen = 0
    for views in blocks:
        values, places = (np.asarray(found).T for found in peaks(params, views))
        images = np.broadcast_to(np.arange(seen, seen + values.shape[1]), values.shape)
        seen += values.shape[1]
        new = (values, images, places)
        joined = (
            new
            if kept is None
            else tuple(map(partial(np.concatenate, axis=1), zip(kept, new, strict=True)))
        )
        order = np.argsort(-joined[0], axis=1, kind="stable")[:, :count]
        kept = tuple(np.take_along_axis(one, order, 1) for one in joined)  # type: ignore[assignment]
    if kept is None:
        raise ValueError("no images to look at")
    rows, columns = np.divmod(kept[2].astype(np.int64), width)
    return Strongest(kept[0], kept[1].astype(np.int64), np.stack([rows, columns], -1))
