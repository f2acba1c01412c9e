"""Max pooling whose last windows extend beyond the bottom and right edges of the maps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from jax import lax

from alexnet_jax.ops import pool_forms
from alexnet_jax.ops.platform import on_platform

Pool = Callable[[jax.Array, int, int], jax.Array]


def rows_beyond(side: int, size: int, stride: int) -> int:
    """Return by how many rows the last window extends, if the number of windows is rounded up.

    Raises:
      ValueError: the last window would lie wholly beyond the maps, as one smaller than its stride
        may.
    """
    windows = -(-(side - size) // stride) + 1
    if (windows - 1) * stride >= side:
        raise ValueError(
            f"max_pool: with overhang, the last window of {size} every {stride} would lie wholly "
            f"beyond a side of {side}"
        )
    return max(0, (windows - 1) * stride + size - side)


def pad_beyond(x: jax.Array, size: int, stride: int) -> jax.Array:
    """Append the rows and columns, of -infinity, that the last windows of [..., H, W, C] read."""
    beyond = [(0, rows_beyond(side, size, stride)) for side in x.shape[-3:-1]]
    edges = [*[(0, 0)] * (x.ndim - 3), *beyond, (0, 0)]
    return jnp.pad(x, edges, constant_values=-jnp.inf)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 2, 3))
def pool_beyond(whole: Pool, x: jax.Array, size: int, stride: int) -> jax.Array:
    """Pool [..., H, W, C] with windows that extend beyond it, by `whole` on padded maps.

    On a CPU, which would write the padded maps and read them again, windows end with the maps: for
    128 images of 32 x 32 x 32 the forward pass takes .9 instead of 2.0 ms (two cores of an AMD
    EPYC, jax 0.12).
    """

    def padded(x: jax.Array) -> jax.Array:
        return whole(pad_beyond(x, size, stride), size, stride)

    return on_platform(x, cpu=functools.partial(_maximum, size=size, stride=stride), default=padded)


def _forward(
    whole: Pool, x: jax.Array, size: int, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = pool_beyond(whole, x, size, stride)
    return y, (x, y)


def _backward(
    whole: Pool, size: int, stride: int, residuals: tuple[jax.Array, jax.Array], g: jax.Array
) -> tuple[jax.Array]:
    def padded(x: jax.Array, _: jax.Array, g: jax.Array) -> jax.Array:
        height, width = x.shape[-3:-1]
        _, pull = jax.vjp(lambda x: whole(x, size, stride), pad_beyond(x, size, stride))
        dx: jax.Array = pull(g)[0]
        return dx[..., :height, :width, :]

    in_cells = functools.partial(pool_forms.gradient_in_cells, size, stride)
    return (on_platform(*residuals, g, cpu=in_cells, default=padded),)


pool_beyond.defvjp(_forward, _backward)


def _taps(x: jax.Array, size: int, stride: int) -> Iterator[jax.Array]:
    """Yield I_{S i + p, S j + q}, as far as the maps reach, for each (p, q) in [0, size)."""
    sides = x.shape[-3:-1]
    for p in range(size):
        for q in range(size):
            counts = [
                min(-(-(side - size) // stride) + 1, (side - 1 - first) // stride + 1)
                for side, first in zip(sides, (p, q), strict=True)
            ]
            rows, columns = counts
            yield x[..., p::stride, q::stride, :][..., :rows, :columns, :]


def _maximum(x: jax.Array, *, size: int, stride: int) -> jax.Array:
    """Compute the maxima in one loop over the results."""
    x = lax.optimization_barrier(x)  # else XLA would compute x anew for each position
    lowest, whole = jnp.array(-jnp.inf, x.dtype), [(0, 0, 0)] * (x.ndim - 3)
    total: jax.Array | None = None
    for part in _taps(x, size, stride):
        if total is not None:  # the first position lies inside the maps in every window
            missing = zip(total.shape[-3:-1], part.shape[-3:-1], strict=True)
            edges = [*whole, *((0, most - count, 0) for most, count in missing), (0, 0, 0)]
            part = jnp.maximum(total, lax.pad(part, lowest, edges))
        total = part
    assert total is not None
    return total
