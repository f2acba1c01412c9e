"""Timings of each layer alone, forward and backward, with counts of operations and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import jax
import jax.numpy as jnp

from alexnet_jax.bench.alternatives import alternatives
from alexnet_jax.bench.layer_counts import Counts, counts, tail_counts, update_counts, views_counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds, seconds_per_call
from alexnet_jax.bench.ours import config_of, training_input
from alexnet_jax.bench.parts import Part, parts
from alexnet_jax.bench.work import Work
from alexnet_jax.data import training_views
from alexnet_jax.network import Params, init
from alexnet_jax.parallel import topology
from alexnet_jax.planning import make_update


def time_layers(work: Work, others: bool = False) -> Iterator[Timing]:
    """Time the layers of a training step on the first device, each in a program of its own.

    Args:
      work: network, batch and dtype to time.
      others: whether to time `alternatives`, too: forms that a step does not use.
    """
    by_name = {part.name: part for part in parts(work.architecture)}
    for name, timing in timings(work).items():
        yield timing()
        if others and name in by_name:
            yield from alternatives(work, by_name[name])


def timings(work: Work) -> dict[str, Callable[[], Timing]]:
    """Return functions that time the views, each part and the update, in this order, by name.

    The activation of a convolution is timed together with the normalization and pooling after it
    where these form one part ("lrn1+pool1").
    """
    found: dict[str, Callable[[], Timing]] = {"views": partial(_time_views, work)}
    for index, part in enumerate(parts(work.architecture)):
        found[part.name] = partial(_part, work, part, index == 0)
    return found | {"update": partial(_update, work)}


@lru_cache(maxsize=1)
def _params(work: Work) -> Params:
    make = partial(init, work.architecture, dtype=jnp.dtype(work.dtype))
    params: Params = jax.jit(make)(jax.random.key(0))
    return params


def _time_views(work: Work) -> Timing:
    return Timing("views", _views(work), views_counts(work), None, Counts(0, 0))


def _update(work: Work) -> Timing:
    one_device = topology("one_device", work.architecture)
    update = seconds_per_call(make_update(work.architecture, config_of(work), one_device))
    return Timing("update", update, update_counts(work.architecture), None, Counts(0, 0))


def _part(work: Work, part: Part, first: bool) -> Timing:
    """Time one part; the first one computes no gradient of its input."""
    name, placed, params = part.name, part.placed, _params(work)
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
