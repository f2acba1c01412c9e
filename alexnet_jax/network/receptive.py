"""Receptive fields: the pixels of the image that a unit depends on."""

from __future__ import annotations

from dataclasses import dataclass

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import AveragePool, Conv, Dense, Local, MapNorm, MaxPool


@dataclass(frozen=True)
class Field:
    """Receptive field of a layer's units, along one axis.

    Unit i depends on pixels start + i stride to start + i stride + size - 1; those outside of the
    image are padding.
    """

    size: int
    stride: int
    start: int

    def clipped(self, unit: int, side: int) -> tuple[int, int]:
        """Return the first and one past the last pixel of a unit, in an image of `side` pixels."""
        first = self.start + unit * self.stride
        return max(0, first), min(side, first + self.size)


def receptive_fields(architecture: Architecture) -> dict[str, Field]:
    """Compute the field of every layer before the first dense one, in the order of the table.

        size <- size + (k - 1) stride,   start <- start - p stride,   stride <- stride s

    for a layer with window k, stride s and padding p. Units of dense layers depend on the whole
    image, and those of layers after them, too.
    """
    fields, field = {}, Field(1, 1, 0)
    for layer in architecture.layers:
        match layer:
            case Dense():
                break
            case (
                Conv(kernel=window, stride=stride, padding=padding)
                | Local(kernel=window, stride=stride, padding=padding)
            ):
                field = _widen(field, window, stride, padding)
            case MaxPool(size=window, stride=stride) | AveragePool(size=window, stride=stride):
                field = _widen(field, window, stride, 0)
            case MapNorm(size=window):
                field = _widen(field, window, 1, window // 2)
        fields[layer.name] = field
    return fields


def _widen(field: Field, window: int, stride: int, padding: int) -> Field:
    """Return the field of units that read windows of units with the given field."""
    return Field(
        field.size + (window - 1) * field.stride,
        field.stride * stride,
        field.start - padding * field.stride,
    )
