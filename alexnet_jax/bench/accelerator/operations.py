"""Normalization, pooling and crops on this machine's device against references in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.bench.accelerator import references
from alexnet_jax.bench.accelerator.compare import agreement
from alexnet_jax.bench.accelerator.drawn import uniform
from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.parts import Part, parts
from alexnet_jax.bench.work import DTYPES, stored_size
from alexnet_jax.data import Statistics, training_views
from alexnet_jax.network import LRN, MaxPool

_NORM = {"float32": 1e-4, "bfloat16": 1e-2}


def items(size: Size) -> Items:
    """Return comparisons of every normalization and pool, alone and joined, and of the crops."""
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for placed in size.architecture.placed():
        layer, shape = placed.layer, (size.images, *placed.input)
        for dtype in DTYPES:
            if isinstance(layer, LRN):
                rule = {"n": layer.n, "k": layer.k, "alpha": layer.alpha, "beta": layer.beta}
                found[f"{layer.name}, {dtype}"] = partial(_norm, shape, dtype, rule)
            elif isinstance(layer, MaxPool):
                window = {"size": layer.size, "stride": layer.stride}
                found[f"{layer.name}, {dtype}"] = partial(_pool, shape, dtype, window)
    for part in parts(size.architecture):
        for dtype in DTYPES if part.tail else ():
            found[f"relu+{part.name}, {dtype}"] = partial(_tail, size, dtype, part)
    for dtype in DTYPES:
        found[f"crops, {dtype}"] = partial(_crops, size, dtype)
    return found


def _norm(shape: tuple[int, ...], dtype: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Compare normalization; the values are so large that the neighbours count."""
    x = np.asarray(jnp.asarray(150 * uniform(shape, 0, 5), dtype), np.float64)
    dy = np.asarray(jnp.asarray(uniform(shape, 0, 6), dtype), np.float64)
    got = _value_and_gradient(partial(ops.local_response_norm, **rule), x, dy, dtype)
    want = references.local_response_norm(x, dy, **rule)
    return _compare(got, want, _NORM[dtype], _NORM[dtype])


def _pool(shape: tuple[int, ...], dtype: str, window: dict[str, Any]) -> dict[str, Any]:
    """Compare max pooling, to the last bit: small whole numbers, with many ties."""
    x = np.floor(4 * uniform(shape, 0, 7))
    y = references.max_pool(x, np.zeros(()), **window)[0]
    dy = np.floor(8 * uniform(y.shape, 0, 8))
    got = _value_and_gradient(partial(ops.max_pool, **window), x, dy, dtype)
    return _compare(got, references.max_pool(x, dy, **window), 0, 0)


def _tail(size: Size, dtype: str, part: Part) -> dict[str, Any]:
    """Compare what follows the sums of a convolution, which may be one kernel.

    Where rounding makes another input the maximum of its window, that one has the gradient.
    """
    shape = (size.images, *part.placed.input)
    x = np.asarray(jnp.asarray(150 * uniform(shape, 0, 9), dtype), np.float64)
    layers = {layer.name: layer for layer in size.architecture.layers}
    chain = [layers[name] for name in part.name.split("+")]
    dy = np.floor(8 * uniform((size.images, *part.placed.output), 0, 10)).astype(np.float64)
    got = _value_and_gradient(lambda x: part.compute({}, x), x, dy, dtype)
    tolerances = {"float32": (1e-4, 1e-2), "bfloat16": (1e-2, 0.5)}[dtype]
    return _compare(got, references.rectified(x, dy, chain), *tolerances)


def _value_and_gradient(
    layer: Callable[[jax.Array], jax.Array], x: np.ndarray, dy: np.ndarray, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    def both(x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        y, pull = jax.vjp(layer, x)
        return y, pull(dy)[0]

    y, dx = jax.device_get(jax.jit(both)(jnp.asarray(x, dtype), jnp.asarray(dy, dtype)))
    return y, dx


def _compare(
    got: tuple[np.ndarray, np.ndarray],
    want: tuple[np.ndarray, np.ndarray],
    of_value: float,
    of_gradient: float,
) -> dict[str, Any]:
    names = ("value", "gradient")
    tolerances = {"value": of_value, "gradient": of_gradient}
    return agreement(
        dict(zip(names, got, strict=True)), dict(zip(names, want, strict=True)), tolerances
    )


def _crops(size: Size, dtype: str) -> dict[str, Any]:
    """Compare the geometry of crops with pixels that say where they lie, and views with the CPU's.

    Positions, mirror images and noise are drawn from the same keys on both.
    """
    side, count = stored_size(size.architecture), size.images
    place = np.broadcast_to(np.arange(side, dtype=np.uint8), (count, side, side))
    number = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], place.shape)
    stored = np.stack([place.swapaxes(1, 2), place, number], -1)
    zeros = Statistics(
        np.zeros((side, side, 3), np.float32), np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    )

    def views(noise: float, device: jax.Device) -> np.ndarray:
        with jax.default_device(device):
            keys = jax.random.split(jax.random.key(1), count)
            draw = partial(
                training_views, size=size.architecture.image_size, mirror=True, scale=1.0
            )
            drawn = jax.jit(partial(draw, colour_noise=noise, dtype=jnp.dtype(dtype)))
            return np.asarray(drawn(keys, jnp.asarray(stored), zeros), np.float32)

    device, cpu = jax.devices()[0], jax.devices("cpu")[0]
    plain = views(0.0, device)
    tolerances = {"without noise": 0.0, "with noise": _NORM[dtype]}
    got = {"without noise": plain, "with noise": views(0.1, device)}
    found = agreement(
        got, {"without noise": views(0.0, cpu), "with noise": views(0.1, cpu)}, tolerances
    )
    right = references.crop_geometry(plain, side)
    return found | {"geometry": right, "agrees": found["agrees"] and right}
