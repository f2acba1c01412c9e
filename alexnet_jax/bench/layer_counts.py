"""Least operations and bytes of a layer, by formula."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alexnet_jax.bench.work import Work, stored_size
from alexnet_jax.network import Architecture, Dropout, MaxPool, Placed, Weighted
from alexnet_jax.planning import layout, update_bytes


@dataclass(frozen=True)
class Counts:
    """Least operations and bytes of a whole batch.

    Attributes:
      operations: operations of matrix products and convolutions, two for each multiply-add.
      bytes: bytes of all arrays that are read or written, each counted once.
    """

    operations: float
    bytes: float

    def bound(self, operations_per_second: float, bytes_per_second: float) -> float:
        """Return the least time (s) of a device with these rates, by the roofline model.

        max(operations / operations_per_second, bytes / bytes_per_second)
        """
        return max(self.operations / operations_per_second, self.bytes / bytes_per_second)


def counts(placed: Placed, batch: int, itemsize: int, first: bool) -> tuple[Counts, Counts]:
    """Count forward and backward, for activations and weights of `itemsize` bytes.

    Forward reads the input x and the weights w and writes the output y. Backward reads the gradient
    of y, w and x (for dropout instead of x the mask, one byte each), and y after a ReLU and for max
    pooling; it writes the gradients of x and w. For the first layer the gradient of x is neither
    written nor computed, which saves half of the operations.
    """
    layer = placed.layer
    x, y = batch * math.prod(placed.input), batch * math.prod(placed.output)
    weights, macs = placed.parameters, batch * placed.macs
    mask = y if isinstance(layer, Dropout) else 0
    needs_y = isinstance(layer, MaxPool) or (
        isinstance(layer, Weighted) and layer.activation == "relu"
    )
    x_read = 0 if isinstance(layer, Dropout) else x
    back = y * (2 if needs_y else 1) + x_read + 2 * weights + (0 if first else x)
    return (
        Counts(2 * macs, itemsize * (x + y + weights) + mask),
        Counts(2 * macs * (1 if first else 2), itemsize * back + mask),
    )


def tail_counts(placed: Placed, batch: int, itemsize: int) -> tuple[Counts, Counts]:
    """Count forward and backward of the layers that follow the sums x of a convolution.

    Forward reads x and writes y; backward reads x and the gradient of y and writes that of x.
    """
    x, y = batch * math.prod(placed.input), batch * math.prod(placed.output)
    return Counts(0, itemsize * (x + y)), Counts(0, itemsize * (2 * x + y))


def views_counts(work: Work) -> Counts:
    """Count the random crops, which read pixels of one byte and write values of the dtype."""
    architecture = work.architecture
    stored = stored_size(architecture) ** 2 * architecture.channels
    values = math.prod(architecture.input_shape)
    itemsize = 2 if work.dtype == "bfloat16" else 4
    return Counts(0, work.batch * (stored + itemsize * values))


def update_counts(architecture: Architecture) -> Counts:
    """Count the update of all weights, as `planning.update_bytes` does."""
    return Counts(0, update_bytes(architecture, layout("one_device", architecture, 1)))
