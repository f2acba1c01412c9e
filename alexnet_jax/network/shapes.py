"""Shapes of a table of layers: what each layer reads and writes, and the smallest images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexnet_jax.errors import InputError
from alexnet_jax.network.layers import (
    AveragePool,
    Conv,
    Dense,
    Layer,
    Local,
    MaxPool,
    Pool,
    Windowed,
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Placed:
    """Layer with its input and output shapes in a network: (height, width, maps) or (units,)."""

    layer: Layer
    input: Shape
    output: Shape

    @property
    def kernel(self) -> Shape | None:
        """Shape of the layer's kernel; None for layers without parameters.

        It is (height, width, in, out) for a convolution, the same behind the output's height and
        width for a locally connected layer, and (in, out) for a dense one.
        """
        match self.layer:
            case Conv(maps=maps, kernel=side, groups=groups):
                return (side, side, self.input[-1] // groups, maps)
            case Local(maps=maps, kernel=side):
                return (*self.output[:2], side, side, self.input[-1], maps)
            case Dense(units=units):
                return (math.prod(self.input), units)
        return None

    @property
    def bias(self) -> Shape | None:
        """Shape of the layer's bias; None for layers without parameters."""
        if isinstance(self.layer, Local):
            return self.output
        return None if self.kernel is None else self.kernel[-1:]

    @property
    def fan_in(self) -> int:
        """Number of inputs that a unit is computed from; 0 for layers without parameters."""
        match self.layer:
            case Conv(kernel=side, groups=groups):
                return side * side * (self.input[-1] // groups)
            case Local(kernel=side):
                return side * side * self.input[-1]
            case Dense():
                return math.prod(self.input)
        return 0

    @property
    def macs(self) -> int:
        """Number of multiply-adds of a layer with parameters, for one image; 0 for others."""
        return self.fan_in * math.prod(self.output)

    @property
    def parameters(self) -> int:
        """Number of values in kernel and bias."""
        return sum(math.prod(shape) for shape in (self.kernel, self.bias) if shape is not None)


def place(layers: Sequence[Layer], images: Shape) -> Iterator[Placed]:
    """Yield the layers with their shapes, for images of shape (height, width, channels).

    Raises:
      InputError: images that are too small for a layer; a convolution or pooling after a dense
        layer.
    """
    shape = images
    for layer in layers:
        output = shape
        match layer:
            case Conv(maps=maps) | Local(maps=maps):
                output = (*_output_sides(layers, layer, shape, images), maps)
            case MaxPool() | AveragePool():
                output = (*_output_sides(layers, layer, shape, images), shape[-1])
            case Dense(units=units):
                output = (units,)
        yield Placed(layer, shape, output)
        shape = output


def smallest_side(layers: Sequence[Layer]) -> int:
    """Return the smallest height and width of images that all layers can take.

    From the last window to the first, the side x that leaves n outputs is

        x >= (n - 1) stride + window - 2 padding,

    less stride - 1 where sizes are rounded up, but the padded side is at least one window.
    """
    side = 1
    for layer in reversed([layer for layer in layers if isinstance(layer, Windowed)]):
        window, stride, padding = _window(layer)
        padded = (side - 1) * stride + window - (stride - 1 if layer.overhang else 0)
        side = max(1, max(padded, window) - 2 * padding)
    return side


def _output_sides(
    layers: Sequence[Layer], layer: Windowed, shape: Shape, images: Shape
) -> tuple[int, int]:
    """Return the output's height and width for windows that slide over the input."""
    if len(shape) != 3:
        raise InputError(f"{layer.name} needs maps, but gets {shape}")
    window, stride, padding = _window(layer)
    height, width = shape[:2]
    if window > min(height, width) + 2 * padding:
        least, needed = smallest_side(layers), window - 2 * padding
        raise InputError(
            f"images of {images[0]}x{images[1]} are too small, at least {least}x{least} are "
            f"needed: {layer.name} takes {needed}x{needed} or more and would get {height}x{width}"
        )
    round_up = stride - 1 if layer.overhang else 0
    rows, columns = ((side + 2 * padding - window + round_up) // stride + 1 for side in shape[:2])
    return rows, columns


def _window(layer: Windowed) -> tuple[int, int, int]:
    """Return the window's side, stride and padding."""
    if isinstance(layer, Pool):
        return layer.size, layer.stride, 0
    return layer.kernel, layer.stride, layer.padding
