"""Each layer alone: how long it takes forward and backward, and what it is bound by."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax.apply import Stage, apply_stage, stages, within_images
from alexnet_jax.augment import training_views
from alexnet_jax.bench.layer_counts import (
    Counts,
    counts,
    rest_counts,
    update_counts,
    views_counts,
)
from alexnet_jax.bench.ours import config_of, training_input
from alexnet_jax.bench.work import Work
from alexnet_jax.config import Placed
from alexnet_jax.layers import Conv, Dropout
from alexnet_jax.model import init
from alexnet_jax.ops.fold import folded_convolution
from alexnet_jax.state import optimizer

_SAMPLES, _SAMPLE = 5, 0.05  # each at least so many s
_COPIED = 1 << 26  # values: 268 MB, more than caches hold


@dataclass(frozen=True)
class Timing:
    """A layer's s and counts, forward and backward; backward None where there is none. An
    alternative is another form of the row before, which the step does not take."""

    name: str
    forward: float
    forward_counts: Counts
    backward: float | None
    backward_counts: Counts
    alternative: bool = False


def measured(work: Work, folded: bool = False) -> Iterator[Timing]:
    """The layers of a training step, each in a program of its own, on the first device.

    A convolution's activation counts with the normalization and the pooling behind it, where those
    are one stage ("lrn1+pool1"). Before all, "views", the crops of the step's images, and after
    them "update", that of all weights. A backward pass gets what the forward pass kept for it; the
    first layer's makes no gradient of the images. With `folded`, convolutions with a stride are
    timed in that form, too: `ops.fold`.
    """
    architecture, dtype = work.architecture, jnp.dtype(work.dtype)
    yield Timing("views", _views(work), views_counts(work), None, Counts(0, 0))
    params = jax.jit(partial(init, architecture, dtype=dtype))(jax.random.key(0))
    for index, stage in stages(architecture.placed()):
        yield from _stage(work, stage, params, index == 0)
        if folded and isinstance(stage[0].layer, Conv) and stage[0].layer.stride > 1:
            yield _folded(work, stage[0], params, index == 0)
    yield Timing("update", _update(work), update_counts(architecture), None, Counts(0, 0))


def _stage(work: Work, stage: Stage, params: Any, first: bool) -> Iterator[Timing]:
    """A layer; of several, the first without its activation and the others together with it."""
    placed, *others = stage
    if others and isinstance(placed.layer, Conv):
        plain = dataclasses.replace(placed.layer, activation="linear")
        placed = dataclasses.replace(placed, layer=plain)
    name = placed.layer.name
    own = {name: params[name]} if placed.kernel else {}

    def alone(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        return apply_stage(work.architecture, (placed,), params, x, mask=mask)

    def rest(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        return within_images(work.architecture, stage, x)

    itemsize = jnp.dtype(work.dtype).itemsize
    both = counts(placed, work.batch, itemsize, first)
    times = _times(work, alone, own, placed, placed.input, first)
    yield Timing(name, times[0], both[0], times[1], both[1])
    if others:
        both = rest_counts(stage, work.batch, itemsize)
        times = _times(work, rest, {}, others[-1], placed.output, False)
        names = "+".join(each.layer.name for each in others)
        yield Timing(names, times[0], both[0], times[1], both[1])


def _folded(work: Work, placed: Placed, params: Any, first: bool) -> Timing:
    """A convolution with stride as one without over squares of pixels."""
    name, layer = placed.layer.name, placed.layer
    if not isinstance(layer, Conv):
        raise TypeError(f"{name} is no convolution")
    stride, padding = layer.stride, layer.padding

    def alone(params: Any, x: jax.Array, mask: Any) -> jax.Array:
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        y = folded_convolution(x, kernel, stride=stride, padding=padding)
        return y + bias.reshape((1, 1, 1, -1))

    times = _times(work, alone, {name: params[name]}, placed, placed.input, first)
    both = counts(placed, work.batch, jnp.dtype(work.dtype).itemsize, first)
    return Timing(f"{name} folded", times[0], both[0], times[1], both[1], alternative=True)


def _times(
    work: Work, layer: Any, params: Any, placed: Placed, given: tuple[int, ...], first: bool
) -> tuple[float, float]:
    """s forward and backward of layer(params, x [B, *given], mask) to [B, *placed.output]."""
    random, dtype = np.random.default_rng(0), jnp.dtype(work.dtype)
    x = jnp.asarray(random.normal(0, 1, (work.batch, *given)), dtype)
    mask = None
    if isinstance(placed.layer, Dropout):
        mask = jnp.asarray(random.random((work.batch, *placed.output)) < placed.layer.keep)

    def pull(params: Any, x: jax.Array, mask: Any) -> Any:
        if first:
            return jax.vjp(lambda params: layer(params, x, mask), params)
        return jax.vjp(lambda params, x: layer(params, x, mask), params, x)

    _, back = jax.jit(pull)(params, x, mask)
    g = jnp.asarray(random.normal(0, 1, (work.batch, *placed.output)), dtype)
    forward, backward = jax.jit(layer), jax.jit(lambda back, g: back(g))
    return (
        seconds_per_call(lambda: forward(params, x, mask)),
        seconds_per_call(lambda: backward(back, g)),
    )


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


def copy_bandwidth() -> float:
    """Bytes/s of memory when every value of a large array is read, changed and written in place."""
    values = jnp.ones(_COPIED, jnp.float32)
    negative = jax.jit(jnp.negative, donate_argnums=0)

    def call() -> jax.Array:
        nonlocal values
        values = negative(values)
        return values

    return 2 * 4 * _COPIED / seconds_per_call(call)


def seconds_per_call(
    call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median over samples, each of as many queued calls as take about 50 ms; compiled before."""
    jax.block_until_ready(call())
    began = clock()
    jax.block_until_ready(call())
    calls = max(1, round(_SAMPLE / max(clock() - began, 1e-6)))
    found = []
    for _ in range(_SAMPLES):
        began = clock()
        for _ in range(calls):
            result = call()
        jax.block_until_ready(result)
        found.append((clock() - began) / calls)
    return statistics.median(found)
