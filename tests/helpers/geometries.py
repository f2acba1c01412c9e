"""Shapes, strides and paddings of convolutions."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alexnet_jax import ops
from helpers.reference import draw


class Geometry(NamedTuple):
    image: tuple[int, int]
    window: tuple[int, int]
    maps: tuple[int, int]  # of the input and of the output
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def arrays(self, dtype: str, lead: tuple[int, ...] = (2,)) -> list[jax.Array]:
        """Input, kernel and bias."""
        maps_in, maps_out = self.maps
        kernel = (*self.window, maps_in // self.groups, maps_out)
        shapes = (*lead, *self.image, maps_in), kernel, (maps_out,)
        return [jnp.asarray(draw(*shape, seed=i), dtype) for i, shape in enumerate(shapes)]

    @property
    def options(self) -> dict[str, int]:
        return {"stride": self.stride, "padding": self.padding}

    def convolve(self, *arrays: jax.Array) -> jax.Array:
        return ops.conv2d(*arrays, **self.options)


GEOMETRIES = {
    "first layer": Geometry((19, 23), (11, 11), (3, 4), stride=4),
    "first layer dropping rows": Geometry((21, 22), (11, 11), (3, 4), stride=4),
    "first layer padded": Geometry((14, 15), (11, 11), (3, 4), stride=4, padding=2),
    "second layer": Geometry((6, 5), (5, 5), (4, 6), padding=2, groups=2),
    "third layer": Geometry((5, 4), (3, 3), (4, 6), padding=1),
    "three groups": Geometry((5, 5), (3, 3), (6, 9), padding=1, groups=3),
    "a group a map": Geometry((4, 4), (3, 3), (3, 6), stride=2, padding=1, groups=3),
    "even size": Geometry((8, 6), (3, 3), (2, 3), stride=2),
    "one by one": Geometry((4, 5), (1, 1), (3, 2), stride=2),
    "whole image": Geometry((4, 3), (4, 3), (2, 5)),
    "oblong even window": Geometry((5, 6), (2, 4), (4, 4), stride=2, padding=1, groups=2),
    "gaps between windows": Geometry((9, 8), (2, 2), (2, 2), stride=4),
    "padding beyond the window": Geometry((3, 2), (2, 2), (2, 2), padding=3),
}
