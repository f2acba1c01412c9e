"""Times of single layers, and the bandwidth of memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.bench.layer_counts import Counts
from alexnet_jax.bench.work import Work
from alexnet_jax.network import Dropout, Placed

_SAMPLES, _SAMPLE = 5, 0.05  # number of samples, and duration of each in s
_COPIED = 1 << 26  # values: 268 MB, larger than caches


@dataclass(frozen=True)
class Timing:
    """Times (s) and counts of a layer, forward and backward.

    Attributes:
      backward: None for a layer without a backward pass.
      alternative: whether this is another form of the layer before, which the step does not use.
    """

    name: str
    forward: float
    forward_counts: Counts
    backward: float | None
    backward_counts: Counts
    alternative: bool = False


def layer_seconds(
    work: Work, layer: Any, params: Any, placed: Placed, first: bool
) -> tuple[float, float]:
    """Measure the times (s) of a layer's forward and backward pass.

    Args:
      layer: function of (params, x [B, *placed.input], mask) to [B, *placed.output].
      first: whether to leave out the gradient of x.
    """
    random, dtype = np.random.default_rng(0), jnp.dtype(work.dtype)
    x = jnp.asarray(random.normal(0, 1, (work.batch, *placed.input)), dtype)
    mask = None
    if isinstance(placed.layer, Dropout):
        mask = jnp.asarray(random.random((work.batch, *placed.output)) < placed.layer.keep)

    def pull(params: Any, x: jax.Array, mask: Any) -> Any:
        if first:
            return jax.vjp(lambda params: layer(params, x, mask), params)
        return jax.vjp(lambda params, x: layer(params, x, mask), params, x)

    _, back = jax.jit(pull)(params, x, mask)
    gradient = jnp.asarray(random.normal(0, 1, (work.batch, *placed.output)), dtype)
    forward, backward = jax.jit(layer), jax.jit(lambda back, gradient: back(gradient))
    return (
        seconds_per_call(lambda: forward(params, x, mask)),
        seconds_per_call(lambda: backward(back, gradient)),
    )


def product_rate(side: int, dtype: str) -> float:
    """Measure operations/s of a product of two square matrices, in the default precision."""
    a = jnp.ones((side, side), dtype)
    product = jax.jit(jnp.matmul)
    return 2 * side**3 / seconds_per_call(lambda: product(a, a))


def copy_bandwidth() -> float:
    """Measure the bytes/s of memory while a large array is read, negated and written in place."""
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
    """Return the median time (s) of a call over samples of about 50 ms, after a call to compile."""
    jax.block_until_ready(call())
    began = clock()
    jax.block_until_ready(call())
    calls = max(1, round(_SAMPLE / max(clock() - began, 1e-6)))
    samples = []
    for _ in range(_SAMPLES):
        began = clock()
        for _ in range(calls):
            result = call()
        jax.block_until_ready(result)
        samples.append((clock() - began) / calls)
    return statistics.median(samples)
