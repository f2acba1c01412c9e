"""Weights of other projects read, and of this one written for them."""

from alexnet_jax.weights.loaded import Weights
from alexnet_jax.weights.reading import load
from alexnet_jax.weights.sources import KINDS, Preprocessing, Published

__all__ = ["KINDS", "Preprocessing", "Published", "Weights", "load"]
