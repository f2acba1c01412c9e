"""Accuracy and loss of a network over a whole split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.augment import Statistics, centre_views
from alexnet_jax.config import Architecture
from alexnet_jax.data.dataset import Split
from alexnet_jax.metrics import scores
from alexnet_jax.model import forward
from alexnet_jax.parallel import Topology

Counter = Callable[[Any, dict[str, np.ndarray], Statistics], dict[str, jax.Array]]


def make_logits(
    architecture: Architecture, topology: Topology, *, pixel_scale: float, dtype: str = "float32"
) -> Callable[[Any, jax.Array, Statistics], jax.Array]:
    """The jitted test-mode network from stored images: (params, [B, S, S, C] uint8, statistics) ->
    [B, classes] logits of the centre crops."""

    @jax.jit
    def logits(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        compute = jnp.dtype(dtype)
        views = centre_views(
            images, statistics, size=architecture.image_size, scale=pixel_scale, dtype=compute
        )
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        return forward(architecture, cast, views, topology.towers)

    return logits


def make_counter(
    architecture: Architecture, topology: Topology, *, pixel_scale: float, dtype: str = "float32"
) -> Counter:
    """Jitted sums over a batch of loss, top1 and top5, of the examples whose "weight" is 1."""
    logits_of = make_logits(architecture, topology, pixel_scale=pixel_scale, dtype=dtype)

    @jax.jit
    def count(
        params: Any, batch: dict[str, jax.Array], statistics: Statistics
    ) -> dict[str, jax.Array]:
        logits = logits_of(params, batch["image"], statistics)
        found = scores(logits, batch["label"])
        weight = batch["weight"]
        return {
            name: jnp.sum(jnp.where(weight > 0, value.astype(jnp.float32), 0.0))
            for name, value in found.items()
        }

    return count


def evaluate(
    counter: Counter, params: Any, split: Split, statistics: Statistics, *, batch: int
) -> dict[str, float]:
    """Means over every example of a split, each counted once: loss, top1, top5 in [0, 1].

    The last partial batch is filled up with copies that weigh nothing, so that one compiled
    program serves and the sums stay exact; sums over batches are taken in float64.
    """
    if len(split) == 0:
        raise ValueError("cannot evaluate an empty split")
    batch = min(batch, len(split))
    totals = {"loss": 0.0, "top1": 0.0, "top5": 0.0}
    pending = [
        counter(params, _padded(split, start, batch), statistics)
        for start in range(0, len(split), batch)
    ]
    for sums in jax.device_get(pending):
        for name in totals:
            totals[name] += float(sums[name])
    return {name: total / len(split) for name, total in totals.items()}


def _padded(split: Split, start: int, batch: int) -> dict[str, np.ndarray]:
    rows = np.arange(start, start + batch)
    weight = (rows < len(split)).astype(np.float32)
    rows = np.minimum(rows, len(split) - 1)
    return {"image": split.images[rows], "label": split.labels[rows], "weight": weight}
