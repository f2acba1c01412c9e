"""A narrow network to be cut, images for it, and another head."""

import jax.numpy as jnp

from alexnet_jax.network.layers import Conv, Dense, MaxPool
from alexnet_jax.network.presets import architecture
from helpers.reference import draw
from helpers.runs import NARROW

NET = architecture("small", layers=NARROW)
IMAGES = jnp.asarray(draw(4, 28, 28, 1), jnp.float32)
HEAD = (Conv("conv6", 6, kernel=1, groups=2), MaxPool("pool6", size=2), Dense("fc", 7, "linear"))
