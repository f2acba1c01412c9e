"""Which part of the image a unit depends on."""

from __future__ import annotations

from dataclasses import dataclass

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Conv, Dense, MapNorm, MaxPool


@dataclass(frozen=True)
class Field:
    """The pixels that units of a layer may depend on, along one axis.

    Unit i sees pixels start + i stride to start + i stride + size - 1; those outside of the image
    are padding.
    """

    size: int
    stride: int
    start: int

    def clipped(self, unit: int, side: int) -> tuple[int, int]:
        """(first, one past the last) pixel that a unit sees of an image of `side` pixels."""
        first = self.start + unit * self.stride
        return max(0, first), min(side, first + self.size)


def receptive_fields(architecture: Architecture) -> dict[str, Field]:
    """The field of every layer whose units have places, in order.

        size <- size + (k - 1) stride,   start <- start - p stride,   stride <- stride s

    for a window of k, stride s and padding p. The whole image is one unit's field from the first
    dense layer on; those layers are left out.
    """
    found, field = {}, Field(1, 1, 0)
    for layer in architecture.layers:
        match layer:
            case Dense():
                break
            case Conv(kernel=window, stride=stride, padding=padding):
                field = _through(field, window, stride, padding)
            case MaxPool(size=window, stride=stride):
                field = _through(field, window, stride, 0)
            case MapNorm(size=window):
                field = _through(field, window, 1, window // 2)
        found[layer.name] = field
    return found


def _through(field: Field, window: int, stride: int, padding: int) -> Field:
    return Field(
        field.size + (window - 1) * field.stride,
        field.stride * stride,
        field.start - padding * field.stride,
    )
