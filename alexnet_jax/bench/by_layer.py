"""Timings of each layer alone, forward and backward, with counts of operations and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax.bench.alternatives import alternatives
from alexnet_jax.bench.layer_counts import Counts, counts, tail_counts, update_counts, views_counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds, seconds_per_call
from alexnet_jax.bench.ours import config_of, training_input
from alexnet_jax.bench.parts import Part, parts
from alexnet_jax.bench.work import Work
from alexnet_jax.data import training_views
from alexnet_jax.network import init
from alexnet_jax.parallel import topology
from alexnet_jax.planning import make_update


def time_layers(work: Work, others: bool = False) -> Iterator[Timing]:
    """Time the layers of a training step on the first device, each in a program of its own.

    The activation of a convolution is timed together with the normalization and pooling after it
    where these form one part ("lrn1+pool1"). The first row
    Args:
      work: network, batch and dtype to time.
      others: whether to time `alternatives`, too: forms that a step does not use.
    """
    architecture, dtype = work.architecture, jnp.dtype(work.dtype)
    yield Timing("views", _views(work), views_counts(work), None, Counts(0, 0))
    params = jax.jit(partial(init, architecture, dtype=dtype))(jax.random.key(0))
    for index, part in enumerate(parts(architecture)):
        yield _part(work, part, params, index == 0)
        if others:
            yield from alternatives(work, part)
    one_device = topology("one_device", architecture)
    update = seconds_per_call(make_update(architecture, config_of(work), one_device))
    yield Timing("update", update, update_counts(architecture), None, Counts(0, 0))


def _part(work: Work, part: Part, params: Any, first: bool) -> Timing:
    """Time one part; the first one computes no gradient of its input."""
    name, placed = part.name, part.placed
    own = {name: params[name]} if placed.kernel and not part.tail else {}
    itemsize = jnp.dtype(work.dtype).itemsize
    if part.tail:
        both = tail_counts(placed, work.batch, itemsize)
    else:
        both = counts(placed, work.batch, itemsize, first)
    times = layer_seconds(work, part.compute, own, placed, first)
    return Timing(name, times[0], both[0], times[1], both[1])


def _views(work: Work) -> float:
    """Measure the time (s) of drawing the training views of a batch."""
    config, (batch, statistics) = config_of(work), training_input(work)
    keys = jax.random.split(jax.random.key(0), work.batch)
    images, pixels = jnp.asarray(batch["image"]), jax.tree.map(jnp.asarray, statistics)
    views = jax.jit(
        partial(
            training_views,
            size=work.architecture.image_size,
            mirror=config.mirror,
            colour_noise=config.colour_noise,
            scale=config.scale,
            dtype=jnp.dtype(work.dtype),
        )
    )
    return seconds_per_call(lambda: views(keys, images, pixels))
