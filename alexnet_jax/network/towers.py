"""What crosses between the devices that share a network, by name."""

from __future__ import annotations

from typing import Protocol

import jax


class Towers(Protocol):
    """What crosses between the towers, and nothing else does.

    Maps are held split over the towers on their last axis, in tower order.
    """

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        """All maps of both towers, for layer `name` (or "logits", for the loss)."""

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        """x with `width` maps more on both sides: the neighbours' at a seam, zeros at an end."""

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        """x without the `width` maps on both sides that `halo` has added."""

    def part(self, drawn: jax.Array, held: tuple[int, ...]) -> jax.Array:
        """This device's share, of the shape `held`, of what was drawn for the whole layer."""


class OneDevice:
    """All of the network on one device: nothing crosses."""

    def gather(self, x: jax.Array, name: str) -> jax.Array:
        return x

    def halo(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def trim(self, x: jax.Array, width: int) -> jax.Array:
        return x

    def part(self, drawn: jax.Array, held: tuple[int, ...]) -> jax.Array:
        return drawn


ONE_DEVICE = OneDevice()
