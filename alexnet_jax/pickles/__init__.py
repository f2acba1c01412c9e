"""Pickles of arrays, read without running anything that they name."""

from alexnet_jax.pickles.arrays import PickledArray, array_names
from alexnet_jax.pickles.reader import Foreign, load

__all__ = ["Foreign", "PickledArray", "array_names", "load"]
