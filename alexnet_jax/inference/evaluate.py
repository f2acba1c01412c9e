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
from alexnet_jax.ops import compute_dtype, product_precision
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
    precision: str = "default",
    views: int = 1,
) -> Logits:
    """Return the network in test mode, as a jitted function of stored images.

    (params, [B, S, S, C] uint8, statistics) -> [B, classes] logits of the centre crop. With ten
    views it returns the logarithm of the mean of their softmax outputs, as in 2012; these are
    logits too, and their softmax is that mean. `precision` is that of `TrainConfig`.

    Raises:
      InputError: `views` is neither 1 nor 10; a network without a classifier.
    """
    if views not in VIEWS:
        raise InputError(f"views must be 1 or 10, got {views}")
    architecture.require_classes("a classification")
    compute = jnp.dtype(dtype)
    views_of = partial(
        centre_views if views == 1 else ten_views,
        size=architecture.image_size,
        scale=pixel_scale,
        dtype=compute,
    )

    def local_logits(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), topology.mark_varying(params))
        crops = topology.share_between_towers(views_of(images, statistics))
        # Keep the views of an image together, so that gathered images stay in order.
        flat = crops if views == 1 else jnp.swapaxes(crops, 0, 1).reshape((-1, *crops.shape[2:]))
        return forward(architecture, cast, flat, topology.towers)

    @jax.jit
    def logits_of(params: Any, images: jax.Array, statistics: Statistics) -> jax.Array:
        specs = (topology.specs(params), jax.P(topology.data), jax.P())
        compute_logits = topology.shard_map(local_logits, specs, topology.logits_spec)
        with product_precision(precision):
            logits = compute_logits(params, images, statistics)
        if views == 1:
            return logits
        return mean_of_softmax(jnp.swapaxes(logits.reshape((-1, views, logits.shape[-1])), 0, 1))

    return logits_of


def mean_of_softmax(logits: jax.Array) -> jax.Array:
    """Return log mean_v softmax(z_v) over the first axis: [V, ..., K] -> [..., K].

    The result is at least float32.
    """
    log_p = jax.nn.log_softmax(logits.astype(compute_dtype(logits.dtype)), -1)
    return jax.nn.logsumexp(log_p, 0) - np.log(logits.shape[0]).astype(log_p.dtype)


def ensemble(networks: Sequence[Logits]) -> Logits:
    """Combine several networks by the mean of their softmax outputs, as in the paper's section 6.

    The returned function takes a sequence of params and a sequence of statistics, with one entry
    for each network.
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
    """Return a jitted function that sums loss, top1 and top5 over the examples of "weight" 1."""

    @jax.jit
    def count(params: Any, batch: dict[str, jax.Array], statistics: Any) -> dict[str, jax.Array]:
        logits = logits_of(params, batch["image"], statistics)
        metrics = scores(logits, batch["label"])
        weight = batch["weight"]
        return {
            name: jnp.sum(jnp.where(weight > 0, value.astype(compute_dtype(value.dtype)), 0.0))
            for name, value in metrics.items()
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
    advance: Callable[[int], None] = lambda count: None,
) -> dict[str, float]:
    """Return the means of loss, top1 and top5 over a split; top1 and top5 lie in [0, 1].

    Every example counts once. The last partial batch is filled up with copies of weight 0, so that
    one compiled program serves all batches and the sums stay exact; sums over batches are
    accumulated in float64. The devices of `topology` that share a batch must divide `batch`.
    `advance` is called with the number of images measured since the last call.

    Raises:
      ValueError: the split is empty.
    """
    if len(split) == 0:
        raise ValueError("cannot evaluate an empty split")
    totals = {"loss": 0.0, "top1": 0.0, "top5": 0.0}
    pending: list[dict[str, jax.Array]] = []
    memory = Recycled()
    for start in range(0, len(split), batch):
        placed = topology.place_batch(_padded(split, start, batch, memory))
        pending.append(counter(params, placed, statistics))
        # Prepare one batch while the previous one is computed, and keep no more than these two.
        if len(pending) > 1:
            _add(totals, pending.pop(0))
            advance(batch)
    _add(totals, pending.pop())
    advance(len(split) - start)
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
