"""`Towers` over an axis of a mesh of devices: the collectives, and all of them.

Called inside `jax.shard_map` with `check_vma=True`, which tells apart arrays that differ between
devices from those that are the same on all: the backward pass of a gather of the first kind is a
reduce-scatter, of the second a slice without communication.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax


def _gathered(x: jax.Array, axis_name: str, axis: int, *, same: bool) -> jax.Array:
    to: Literal["invarying", "varying"] = "invarying" if same else "varying"
    whole: jax.Array = lax.all_gather(x, axis_name, axis=axis, tiled=True, to=to)
    return whole


def _share(drawn: jax.Array, axis_name: str, axis: int, size: int) -> jax.Array:
    """The device's slice of an axis, in the order of devices; all of it where nothing is split."""
    if drawn.shape[axis] == size:
        return drawn
    return lax.dynamic_slice_in_dim(drawn, lax.axis_index(axis_name) * size, size, axis)


@dataclass(frozen=True)
class TowersApart:
    """Every layer split over `axis_name`, as in 2012; the classifier where it divides."""

    axis_name: str
    classifier: str
    classifier_split: bool

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        if name == "logits":
            # The loss is the same on both devices, and computed on both. Computed in parts it
            # takes three sums of a few numbers per image instead of this one gather: at 128 images
            # 0.4 ms for 1.5 on two CPU devices, a four-thousandth of the step, for two more waits.
            return _gathered(x, self.axis_name, -1, same=True) if self.classifier_split else x
        whole = name == self.classifier and not self.classifier_split
        return _gathered(x, self.axis_name, -1, same=whole)

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        if width == 0:
            return x
        last = lax.axis_size(self.axis_name) - 1
        upwards = [(i, i + 1) for i in range(last)]
        downwards = [(i + 1, i) for i in range(last)]
        # A device that receives nothing gets zeros: the ends of the layer.
        left = lax.ppermute(x[..., -width:], self.axis_name, upwards)
        right = lax.ppermute(x[..., :width], self.axis_name, downwards)
        return jnp.concatenate([left, x, right], -1)

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return lax.slice_in_dim(x, width, x.shape[-1] - width, axis=-1)

    def part(self, drawn: jax.Array, held: tuple[int, ...]) -> jax.Array:
        return _share(drawn, self.axis_name, -1, held[-1])


@dataclass(frozen=True)
class DenseApart:
    """Convolutions split by images, dense layers by units, over the same devices.

    Every device computes the convolutions of its own images. Before the first dense layer the
    images of all devices are gathered on each, which then computes its own units for all of them.

    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
    section 4, scheme (a). Schemes (b) and (c) hand over the images of one device, or a part of
    every device's, at a time, which hides the transfer behind the products of the turn before and
    needs less memory; XLA schedules the one gather asynchronously, and 1,024 images of 9,216
    values are 38 MB.
    """

    axis_name: str
    first_dense: str
    dense: frozenset[str]
    classifier: str
    classifier_split: bool

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        if name == "logits":
            return _gathered(x, self.axis_name, -1, same=True) if self.classifier_split else x
        if name not in self.dense:
            return x
        whole = name == self.classifier and not self.classifier_split
        return _gathered(x, self.axis_name, 0 if name == self.first_dense else -1, same=whole)

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def part(self, drawn: jax.Array, held: tuple[int, ...]) -> jax.Array:
        return _share(_share(drawn, self.axis_name, 0, held[0]), self.axis_name, -1, held[-1])
