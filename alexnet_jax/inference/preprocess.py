"""Preprocessing that belongs to a network: pictures of any kind become its input."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import (
    Given,
    Ground,
    Pictures,
    Scale,
    Statistics,
    centre_views,
    given_pictures,
)
from alexnet_jax.network import Architecture
from alexnet_jax.runs import TrainConfig


def parameter_dtype(config: TrainConfig) -> str:
    """Return the dtype of a run's parameters; with bfloat16 only the computation is narrower."""
    return "float64" if config.dtype == "float64" else "float32"


@dataclass(frozen=True, eq=False)
class Preprocess:
    """Function from pictures to the input of one network, [B, H, W, C].

        images = preprocess("cat.jpg")                       # [1, H, W, C]
        images = preprocess(["cat.jpg", Path("dog.png")])    # [2, H, W, C]

    A picture is a path (text or `Path`); the bytes of a file; a picture of Pillow's; or pixels as a
    NumPy or JAX array [H, W, C] of uint8, 0 to 255, with the network's C. An array [B, H, W, C]
    holds B pictures, and a list any of all these. The same picture gives the same numbers in every
    form, and those that `predict` computes for its file:

    1. Files and pictures of Pillow's are turned upright by their EXIF orientation and become 8 bits
       of grey (C = 1) or RGB (C = 3); transparency is laid on `ground`. An array is taken as it is.
    2. The picture is resized and cut to a stored image, [S, S, C] uint8, by the rule `resize`
       (`data.read_stored`). One of S x S pixels remains as it is.
    3. Of the stored image, the centre [H, W, C] is taken; minus the centre of the mean image, in
       units of 0 to 255; times `scale`, one factor or one for each channel: values from -255 scale
       to 255 scale, of `dtype`.

    Attributes:
      image_size: side of the network's input, or its (height, width).
      channels: C, 1 or 3.
      resize: rule of resizing, as in `TrainConfig`.
      scale: factor on pixels minus the mean.
      statistics: mean image, [S, S, C] float32.
      dtype: dtype of the result, that of the network: "float32", or "float64".
      ground: ground on which transparency is laid, as in `TrainConfig`.
    """

    image_size: int | tuple[int, int]
    channels: int
    resize: str
    scale: Scale
    statistics: Statistics
    dtype: str = "float32"
    ground: Ground = "white"

    @classmethod
    def of(
        cls, architecture: Architecture, config: TrainConfig, statistics: Statistics
    ) -> Preprocess:
        """Return the preprocessing of a network by the settings of its run."""
        return cls(
            image_size=architecture.image_size,
            channels=architecture.channels,
            resize=config.resize,
            ground=config.ground,
            scale=config.scale,
            statistics=statistics,
            dtype=parameter_dtype(config),
        )

    @property
    def stored_size(self) -> int:
        """Side of a stored image, S."""
        return int(self.statistics.mean.shape[0])

    def __repr__(self) -> str:
        size = self.image_size
        height, width = (size, size) if isinstance(size, int) else size
        return f"Preprocess(pictures -> [B, {height}, {width}, {self.channels}] {self.dtype})"

    def __call__(self, pictures: Pictures) -> jax.Array:
        """Return the network's input for pictures, [B, H, W, C]; B is 1 for a single picture.

        Raises:
          InputError: no pictures; one that is no picture, cannot be read, or is an array of another
            dtype or shape.
        """
        return centre_views(
            jnp.asarray(self.stored(pictures)),
            self.statistics,
            size=self.image_size,
            scale=self.scale,
            dtype=jnp.dtype(self.dtype),
        )

    def stored(
        self, pictures: Pictures
    ) -> np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]]:
        """Return pictures as stored images, [B, S, S, C] uint8: steps 1 and 2.

        Raises:
          InputError: as for a call.
        """
        return np.stack([self.stored_one(one) for one in given_pictures(pictures, self.channels)])

    def stored_one(self, picture: Given) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
        """Return one of the pictures that `given_pictures` lists as a stored image."""
        return picture.stored(
            size=self.stored_size,
            channels=self.channels,
            resize=self.resize,
            ground=self.ground,
        )
