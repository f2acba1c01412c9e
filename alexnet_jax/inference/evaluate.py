"""Accuracy and loss of a network over a whole split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Picked, Recycled, Scale, Split, Statistics, centre_views, ten_views
from alexnet_jax.errors import InputError
from alexnet_jax.inference.metrics import scores
from alexnet_jax.network import Architecture, forward
from alexnet_jax.ops import compute_dtype
from alexnet_jax.parallel import Topology

Logits = Callable[[Any, Any, Any], jax.Array]
Counter = Callable[[Any, dict[str, Any], Any], dict[str, jax.Array]]
VIEWS = (1, 10)


def make_logits(
    architecture: Architecture,
    topology: Topology,
    *,
    pixel_scale: Scale,
    dtype: str = "float32",
    views: int = 1,
) -> Logits:
    """The jitted test-mode network on stored images.

    (params, [B, S, S, C] uint8, statistics) -> [B, classes] logits of the centre crop. With ten
    views, the logarithm of the mean of their softmax outputs, as in 2012: logits, too, whose
    softmax is that mean.
    """
    if views not in VIEWS:
        raise InputError(f"views must be 1 or 10, got {views}")
    compute = jnp.dtype(dtype)
    seen_by = partial(
        centre_views if views == 1 else ten_views,
        size=architecture.image_size,
        scale=pixel_scale,
        dtype=compute,
    )

    def shares(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), topology.differing(params))
        seen = topology.seen_by_all(seen_by(images, statistics))
        # Views of an image side by side, so that gathered images stay in order.
        flat = seen if views == 1 else jnp.swapaxes(seen, 0, 1).reshape((-1, *seen.shape[2:]))
        return forward(architecture, cast, flat, topology.towers)

    @jax.jit
    def logits_of(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        specs = (topology.specs(params), jax.P(topology.data), jax.P())
        logits = topology.spread(shares, specs, topology.logits_spec)(params, images, statistics)
        if views == 1:
            return logits
        return mean_of_softmax(jnp.swapaxes(logits.reshape((-1, views, logits.shape[-1])), 0, 1))

    return logits_of


def mean_of_softmax(logits: jax.Array) -> jax.Array:
    """log mean_v softmax(z_v) over the first axis: [V, ..., K] -> [..., K], at least float32."""
    log_p = jax.nn.log_softmax(logits.astype(compute_dtype(logits.dtype)), -1)
    return jax.nn.logsumexp(log_p, 0) - np.log(logits.shape[0]).astype(log_p.dtype)


def ensemble(networks: Sequence[Logits]) -> Logits:
    """Several networks as one: the mean of their softmax outputs, as in the paper's section 6.

    The result takes a sequence of params and one of statistics, a place for each network.
    """
    if len(networks) == 1:
        return lambda params, images, statistics: networks[0](params[0], images, statistics[0])

    def logits_of(params: Any, images: jax.Array, statistics: Any) -> jax.Array:
        each = [
            network(own, images, stats)
            for network, own, stats in zip(networks, params, statistics, strict=True)
        ]
        return mean_of_softmax(jnp.stack(each))

    return logits_of


def make_counter(logits_of: Logits) -> Counter:
    """Jitted sums over a batch of loss, top1 and top5, of the examples whose "weight" is 1."""

    @jax.jit
    def count(params: Any, batch: dict[str, jax.Array], statistics: Any) -> dict[str, jax.Array]:
        logits = logits_of(params, batch["image"], statistics)
        found = scores(logits, batch["label"])
        weight = batch["weight"]
        return {
            name: jnp.sum(jnp.where(weight > 0, value.astype(compute_dtype(value.dtype)), 0.0))
            for name, value in found.items()
        }

    return count


def evaluate(
    counter: Counter,
    params: Any,
    split: Split,
    statistics: Any,
    *,
    batch: int,
    topology: Topology,
) -> dict[str, float]:
    """Means over every example of a split, each counted once: loss, top1, top5 in [0, 1].

    The last partial batch is filled up with copies that weigh nothing, so that one compiled
    program serves and the sums stay exact; sums over batches are taken in float64. `batch` must
    divide over the devices of `topology` that share it.
    """
    if len(split) == 0:
        raise ValueError("cannot evaluate an empty split")
    totals = {"loss": 0.0, "top1": 0.0, "top5": 0.0}
    pending: list[dict[str, jax.Array]] = []
    memory = Recycled()
    for start in range(0, len(split), batch):
        placed = topology.place_batch(_padded(split, start, batch, memory))
        pending.append(counter(params, placed, statistics))
        # One batch is prepared while the one before is counted, and no more are held.
        if len(pending) > 1:
            _add(totals, pending.pop(0))
    _add(totals, pending.pop())
    return {name: total / len(split) for name, total in totals.items()}


def _add(totals: dict[str, float], sums: dict[str, jax.Array]) -> None:
    for name, value in jax.device_get(sums).items():
        totals[name] += float(value)


def _padded(split: Split, start: int, batch: int, memory: Recycled) -> dict[str, Any]:
    rows = np.arange(start, start + batch)
    weight = (rows < len(split)).astype(np.float32)
    rows = np.minimum(rows, len(split) - 1)
    images = Picked(split.images, rows, memory)
    return {"image": images, "label": split.labels[rows], "weight": weight}
