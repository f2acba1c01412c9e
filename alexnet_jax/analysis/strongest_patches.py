"""Images, and positions in them, that a layer's maps respond to most."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network import Architecture, activations

Peaks = Callable[[Any, jax.Array], tuple[jax.Array, jax.Array]]


@dataclass(frozen=True)
class Strongest:
    """Images with the `count` largest peaks of each of M maps, the largest first.

    Attributes:
      values: [M, count] float32, the peaks.
      images: [M, count] int64, numbers of the images.
      places: [M, count, 2] int64, row and column of each peak in the map.
    """

    values: np.ndarray
    images: np.ndarray
    places: np.ndarray


def make_peaks(architecture: Architecture, layer: str) -> Peaks:
    """Build a jitted function from (params, views) to the peak of each map and its position.

    Peaks are [B, M] and positions [B, M] int32, indices into the map's values in row-major order.

    Raises:
      InputError: a layer without maps.
    """
    shapes = {placed.layer.name: placed.output for placed in architecture.placed()}
    if len(shapes.get(layer, ())) != 3:
        available = [name for name, shape in shapes.items() if len(shape) == 3]
        raise InputError(
            f"{architecture.name} has no maps in {layer!r}; {choices(layer, available)}"
        )

    @jax.jit
    def peaks(params: Any, views: jax.Array) -> tuple[jax.Array, jax.Array]:
        maps = activations(architecture, params, views, (layer,))[layer]
        maps = maps.reshape((views.shape[0], -1, shapes[layer][-1]))
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
    """Find the images of a stream that each map responds to most; of equal peaks, the earlier.

    Args:
      peaks: function built by `make_peaks`.
      blocks: views [B, H, W, C]; the images are numbered from 0 over all blocks.
      width: number of columns of the layer's maps.
      count: number of images for each map; all images where there are fewer.

    Raises:
      ValueError: no images.
    """
    kept: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    seen = 0
    for views in blocks:
        values, positions = (np.asarray(array).T for array in peaks(params, views))
        images = np.broadcast_to(np.arange(seen, seen + values.shape[1]), values.shape)
        seen += values.shape[1]
        if kept is not None:
            values = np.concatenate([kept[0], values], 1)
            images = np.concatenate([kept[1], images], 1)
            positions = np.concatenate([kept[2], positions], 1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :count]
        kept = (
            np.take_along_axis(values, order, 1),
            np.take_along_axis(images, order, 1),
            np.take_along_axis(positions, order, 1),
        )
    if kept is None:
        raise ValueError("no images to look at")
    rows, columns = np.divmod(kept[2].astype(np.int64), width)
    return Strongest(kept[0], kept[1].astype(np.int64), np.stack([rows, columns], -1))
