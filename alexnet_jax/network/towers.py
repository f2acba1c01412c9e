"""Communication between the devices that share a network."""

from __future__ import annotations

from typing import Protocol

import jax


class Towers(Protocol):
    """Communication between the towers: nothing else in a forward pass crosses.

    Maps are split over the towers on their last axis, in tower order.
    """

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        """Return the maps of both towers, for the layer `name`, or "logits" for the result."""

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        """Return x with `width` more maps on each side: the other tower's, or zeros at an end."""

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        """Return x without the `width` maps on each side that `halo` has added."""

    def part(self, drawn: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """Return this device's share, of the given shape, of values drawn for a whole layer."""


class OneDevice:
    """Towers of a network that is whole on one device: nothing crosses, and no halo is needed."""

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        return x

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def part(self, drawn: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return drawn


ONE_DEVICE = OneDevice()
