"""Networks as StableHLO, through jax.export."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Statistics, centre_views
from alexnet_jax.inference import Trained
from alexnet_jax.network import forward
from alexnet_jax.runtime import whole
from alexnet_jax.weights.arrays import Params
from alexnet_jax.weights.export_onnx import require_close

PLATFORMS = ("cpu", "cuda", "tpu")


def exported(trained: Trained, params: Params) -> bytes:
    """The bytes of an exported function: [b, S, S, C] uint8 stored images -> [b, classes] float32
    logits of their centre crops, for any b >= 1 and every one of `PLATFORMS`; the parameters and
    the mean image are in it as constants."""
    net, size = trained.architecture, trained.stored_size
    statistics = Statistics(*(np.asarray(whole(value)) for value in trained.statistics))

    def logits(images: jax.Array) -> jax.Array:
        scale = trained.config.scale
        views = centre_views(images, statistics, size=net.image_size, scale=scale)
        return forward(net, jax.tree.map(jnp.asarray, params), views)

    (count,) = jax.export.symbolic_shape("b")
    images = jax.ShapeDtypeStruct((count, size, size, net.channels), jnp.uint8)
    made = jax.export.export(jax.jit(logits), platforms=PLATFORMS)(images)
    return bytes(made.serialize())


def require_stablehlo_agrees(trained: Trained, path: Path) -> float:
    """How far the file's logits are from the network's in float32, of their largest; on random
    images.

    Raises:
      RuntimeError: they are apart.
    """
    size, channels = trained.stored_size, trained.architecture.channels
    draw: Any = np.random.default_rng(0)
    images = draw.integers(0, 256, (3, size, size, channels), np.uint8)
    again = jax.export.deserialize(bytearray(path.read_bytes()))
    batch = trained.topology.divisible(len(images))
    rows = np.resize(np.arange(len(images)), batch)
    config = dataclasses.replace(trained.config, dtype="float32")
    network = dataclasses.replace(trained, config=config).logits()
    logits = network(trained.params, images[rows], trained.statistics)
    ours = np.asarray(whole(logits), np.float32)[: len(images)]
    return require_close(np.asarray(again.call(images)), ours[: len(images)], path)
