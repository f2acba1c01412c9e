"""Operations that the layers of a network are made of."""

from __future__ import annotations

from typing import Protocol

import jax

from alexnet_jax import ops


class Operations(Protocol):
    """Layers as functions of arrays; the signatures of `ops` and `ops.plain`."""

    def conv2d(
        self,
        x: jax.Array,
        kernel: jax.Array,
        bias: jax.Array | None = ...,
        *,
        stride: int = ...,
        padding: int = ...,
    ) -> jax.Array:
        """Convolve maps with a kernel."""

    def locally_connected(
        self,
        x: jax.Array,
        kernel: jax.Array,
        bias: jax.Array | None = ...,
        *,
        stride: int = ...,
        padding: int = ...,
    ) -> jax.Array:
        """Convolve maps with a kernel of its own at each place."""

    def dense(self, x: jax.Array, kernel: jax.Array, bias: jax.Array | None = ...) -> jax.Array:
        """Compute a fully connected layer."""

    def local_response_norm(
        self, x: jax.Array, *, n: int = ..., k: float = ..., alpha: float = ..., beta: float = ...
    ) -> jax.Array:
        """Normalize over neighbouring maps."""

    def map_response_norm(
        self,
        x: jax.Array,
        *,
        size: int = ...,
        k: float = ...,
        alpha: float = ...,
        beta: float = ...,
    ) -> jax.Array:
        """Normalize within each map."""

    def max_pool(
        self, x: jax.Array, *, size: int = ..., stride: int = ..., overhang: bool = ...
    ) -> jax.Array:
        """Take the maximum over windows."""

    def average_pool(
        self, x: jax.Array, *, size: int = ..., stride: int = ..., overhang: bool = ...
    ) -> jax.Array:
        """Take the mean over windows."""

    def dropout(self, x: jax.Array, mask: jax.Array | None, *, keep: float = ...) -> jax.Array:
        """Multiply by a mask in training, by `keep` in testing."""


# Assigned by name so that the types are checked: a conditional expression of modules is not.
FAST: Operations = ops
PLAIN: Operations = ops.plain
