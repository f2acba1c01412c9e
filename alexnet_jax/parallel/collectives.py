"""Implementations of `Towers` over an axis of a mesh: all collectives of the forward pass.

They are called inside `jax.shard_map` with `check_vma=True`. JAX then distinguishes arrays that
vary between devices from those that are the same on all (invarying). The backward pass of a gather
is a reduce-scatter if its result is varying, and a slice without communication if it is invarying.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax


def _all_gather(x: jax.Array, axis_name: str, axis: int, *, invarying: bool) -> jax.Array:
    """Concatenate the shares of all devices along `axis`, in the order of the devices."""
    to: Literal["invarying", "varying"] = "invarying" if invarying else "varying"
    whole: jax.Array = lax.all_gather(x, axis_name, axis=axis, tiled=True, to=to)
    return whole


def _own_slice(whole: jax.Array, axis_name: str, axis: int, size: int) -> jax.Array:
    """Return this device's slice of `axis`, or all of it if `size` is its whole length."""
    if whole.shape[axis] == size:
        return whole
    return lax.dynamic_slice_in_dim(whole, lax.axis_index(axis_name) * size, size, axis)


@dataclass(frozen=True)
class TowerParallel:
    """Every layer split by maps over `axis_name`, as in 2012.

    Attributes:
      axis_name: mesh axis of the towers.
      last: name of the last layer with weights, usually the classifier.
      last_split: whether it is split, too; an odd number of units is not.
    """

    axis_name: str
    last: str
    last_split: bool

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        if name == "logits":
            # Both devices compute the whole loss. Computing it in parts would replace this gather
            # by three sums of a few numbers per image: at 128 images on two CPU devices 0.4 ms
            # instead of 1.5, which saves 1/4000 of a step and adds two synchronizations.
            return _all_gather(x, self.axis_name, -1, invarying=True) if self.last_split else x
        whole = name == self.last and not self.last_split
        return _all_gather(x, self.axis_name, -1, invarying=whole)

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        if width == 0:
            return x
        last = lax.axis_size(self.axis_name) - 1
        upwards = [(i, i + 1) for i in range(last)]
        downwards = [(i + 1, i) for i in range(last)]
        # A device without a sender receives zeros: there are no maps beyond the layer's ends.
        before = lax.ppermute(x[..., -width:], self.axis_name, upwards)
        after = lax.ppermute(x[..., :width], self.axis_name, downwards)
        return jnp.concatenate([before, x, after], -1)

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return lax.slice_in_dim(x, width, x.shape[-1] - width, axis=-1)

    def part(self, drawn: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _own_slice(drawn, self.axis_name, -1, shape[-1])


@dataclass(frozen=True)
class DenseParallel:
    """Convolutions split by images and dense layers split by units, over the same devices.

    Each device computes the convolutions of its own images. Before the first dense layer it gathers
    the images of all devices; it then computes its own units for all of these images.

    Attributes:
      axis_name: mesh axis of the devices.
      first_dense: name of the dense layer that gathers images.
      dense: names of all dense layers.
      last: name of the last layer with weights, usually the classifier.
      last_split: whether it is split, too; it is not if its units do not divide.

    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
    section 4, scheme (a). Schemes (b) and (c) transfer the images of one device, or a part of every
    device's images, at a time: this overlaps each transfer with the products of the previous one
    and needs less memory. Here XLA schedules the single gather asynchronously, and 1,024 images of
    9,216 values take 38 MB.
    """

    axis_name: str
    first_dense: str
    dense: frozenset[str]
    last: str
    last_split: bool

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        if name == "logits":
            return _all_gather(x, self.axis_name, -1, invarying=True) if self.last_split else x
        if name not in self.dense:
            return x
        whole = name == self.last and not self.last_split
        return _all_gather(
            x, self.axis_name, 0 if name == self.first_dense else -1, invarying=whole
        )

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def part(self, drawn: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return _own_slice(
            _own_slice(drawn, self.axis_name, 0, shape[0]), self.axis_name, -1, shape[-1]
        )
