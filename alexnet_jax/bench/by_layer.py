"""Each layer alone: how long it takes forward and backward, and what it is bound by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from alexnet_jax.bench.alternatives import alternatives
from alexnet_jax.bench.layer_counts import Counts, counts, tail_counts, update_counts, views_counts
from alexnet_jax.bench.layer_times import Timing, layer_seconds, seconds_per_call
from alexnet_jax.bench.ours import config_of, training_input
from alexnet_jax.bench.parts import Part, parts
from alexnet_jax.bench.work import Work
from alexnet_jax.data import training_views
from alexnet_jax.network import init
from alexnet_jax.training import optimizer


def measured(work: Work, others: bool = False) -> Iterator[Timing]:
    """The layers of a training step, each in a program of its own, on the first device.

    A convolution's activation counts with the normalization and the pooling behind it, where those
    are one part ("lrn1+pool1"). Before all, "views", the crops of the step's images, and after
    them "update", that of all weights. A backward pass gets what the forward pass kept for it; the
    first layer's makes no gradient of the images. With `others`, forms that a step does not take
    are timed, too: `alternatives`.
    """
    architecture, dtype = work.architecture, jnp.dtype(work.dtype)
    yield Timing("views", _views(work), views_counts(work), None, Counts(0, 0))
    params = jax.jit(partial(init, architecture, dtype=dtype))(jax.random.key(0))
    for index, part in enumerate(parts(architecture)):
        yield _part(work, part, params, index == 0)
        if others:
            yield from alternatives(work, part, params, index == 0)
    yield Timing("update", _update(work), update_counts(architecture), None, Counts(0, 0))


def _part(work: Work, part: Part, params: Any, first: bool) -> Timing:
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
    config, (batch, statistics_) = config_of(work), training_input(work)
    keys = jax.random.split(jax.random.key(0), work.batch)
    images, pixels = jnp.asarray(batch["image"]), jax.tree.map(jnp.asarray, statistics_)
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


def _update(work: Work) -> float:
    transform = optimizer(work.architecture, config_of(work))
    held = jax.jit(partial(init, work.architecture))(jax.random.key(0))
    opt_state = transform.init(held)
    gradients = jax.tree.map(jnp.ones_like, held)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(params: Any, opt_state: Any, gradients: Any) -> Any:
        updates, opt_state = transform.update(gradients, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    def call() -> Any:
        nonlocal held, opt_state
        held, opt_state = update(held, opt_state, gradients)
        return held, opt_state

    return seconds_per_call(call)
