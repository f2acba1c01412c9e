"""Parts that the kernels share: normalization of one tile, and how a call sees its arrays.

A tile is [C, L]: the C maps of one position, of L images. Maps lie along sublanes and images along
lanes, as in the layout that XLA chooses for the convolutions of a batch of 128 images or more.
Rows and columns of the maps are then outer dimensions, which a kernel strides over at no cost.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from alexnet_jax.ops.tail_constants import Norm, Tail

LANES = 128
_PIECE = 64
_HALO = 8  # zeros before and after the maps of a block; rows of a float32 register
# VMEM that a kernel may take; v5e and v6e have 128 MiB. By default a program may use 16 of them.
VMEM = 100 * 2**20


def takes(norm: Norm, maps: int) -> bool:
    """Whether the kernels can normalize that many maps: blocks begin at whole registers."""
    width = norm.width or maps
    return norm.n // 2 <= _HALO and (width == maps or width % 16 == 0)


def padded_shape(norm: Norm, maps: int) -> tuple[int, int]:
    """Return the shape of a tile whose blocks have zeros between them, before and after."""
    width = norm.width or maps
    return _HALO + _padded(width) * (maps // width), LANES


def _padded(width: int) -> int:
    """Rows of a block in a padded tile, with the zeros behind it."""
    return -(-width // _HALO) * _HALO + _HALO


def window_sum(norm: Norm, terms: jax.Array, pad: jax.Ref) -> jax.Array:
    """Sum [C, L] over the windows of maps.

    Shifted loads from a padded copy, `pad`, whose zeros remain: of the units that work in parallel
    on a TPU those for loads are idle here, and those for arithmetic are the limit.
    """
    maps = terms.shape[0]
    width = norm.width or maps
    step, blocks = _padded(width), range(maps // width)
    for block in blocks:
        pad[pl.ds(_HALO + block * step, width)] = terms[block * width : (block + 1) * width]
    sums = []
    for block in blocks:
        first = _HALO + block * step - norm.n // 2
        shifted = (pad[pl.ds(first + shift, width)] for shift in range(norm.n))
        sums.append(functools.reduce(jnp.add, shifted))
    return sums[0] if len(sums) == 1 else jnp.concatenate(sums, 0)


def root(norm: Norm, a: jax.Array, pad: jax.Ref) -> jax.Array:
    """Compute D^-1/2 where beta is .75, and D for another beta: see `powers`."""
    scale = norm.k + norm.alpha * window_sum(norm, a * a, pad)
    return lax.rsqrt(scale) if norm.beta == 0.75 else scale


def unit(tail: Tail, x: jax.Array, bias: jax.Array) -> jax.Array:
    """Return a tile as float32, with the bias, rectified: a in the formulas."""
    a = x.astype(jnp.float32) + bias
    return jnp.maximum(a, 0.0) if tail.rectify else a


def powers(norm: Norm, root: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return D^-beta and D^(-beta - 1)."""
    if norm.beta == 0.75:
        power = root * root * lax.rsqrt(root)  # D^-1 D^(1/4)
        return power, power * (root * root)
    power = jnp.exp(-norm.beta * jnp.log(root))
    return power, power / root


def pieces(norm: Norm | None, maps: int) -> list[tuple[pl.Slice, int, int]]:
    """Cut maps into pieces of at most 64, whose values stay in the registers of a TPU.

    Returns:
      For each piece its maps, their number, and its first row in a padded tile.
    """
    width = (norm and norm.width) or maps
    starts = [(b, first) for b in range(maps // width) for first in range(0, width, _PIECE)]
    return [
        (
            pl.ds(block * width + first, min(_PIECE, width - first)),
            min(_PIECE, width - first),
            _HALO + block * _padded(width) + first,
        )
        for block, first in starts
    ]


def mirrored_sum(norm: Norm, row: int, size: int, pad: jax.Ref) -> jax.Array:
    """Sum over the windows of the gradient for `size` maps that begin at a row of a padded tile."""
    first = row - (norm.n - 1) // 2
    shifted = (pad[pl.ds(first + shift, size)] for shift in range(norm.n))
    total: jax.Array = functools.reduce(jnp.add, shifted)
    return total


def broadcast(bias: jax.Array) -> jax.Array:
    """Return a bias [C] as a tile, [C, LANES] float32."""
    return jnp.broadcast_to(bias.astype(jnp.float32)[:, None], (bias.size, LANES))


def call(
    kernel: Callable[..., None],
    name: str,
    arrays: tuple[jax.Array, ...],
    in_specs: list[pl.BlockSpec],
    results: tuple[jax.ShapeDtypeStruct, ...],
    out_specs: tuple[pl.BlockSpec, ...],
    grid: tuple[int, int],
    scratch: Sequence[pl.MemoryRef],
    operations: int,
) -> list[jax.Array]:
    """Call a kernel on arrays [H, W, C, B], over blocks of images and steps along the rows.

    Args:
      operations: for each value of the first array, told to XLA beside the bytes.
    """
    kind = jax.typeof(arrays[0]).manual_axis_type
    like = [jax.ShapeDtypeStruct(r.shape, r.dtype, manual_axis_type=kind) for r in results]
    size = arrays[0].size
    cost = pl.CostEstimate(
        flops=operations * size,
        bytes_accessed=sum(map(_bytes, arrays)) + sum(map(_bytes, results)),
        transcendentals=2 * size,
    )
    called: list[jax.Array] = pl.pallas_call(
        kernel,
        out_shape=like,
        grid=grid,
        in_specs=in_specs,
        out_specs=out_specs,
        scratch_shapes=scratch,
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("parallel", "arbitrary"), vmem_limit_bytes=VMEM
        ),
        cost_estimate=cost,
        name=name,
    )(*arrays)
    return called


def _bytes(array: jax.Array | jax.ShapeDtypeStruct) -> int:
    return math.prod(array.shape) * array.dtype.itemsize
