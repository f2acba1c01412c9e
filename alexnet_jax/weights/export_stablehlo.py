"""Networks written as StableHLO, through jax.export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Statistics, centre_views
from alexnet_jax.inference import Trained, make_features
from alexnet_jax.network import forward
from alexnet_jax.runtime import gather_to_host
from alexnet_jax.weights.arrays import Params
from alexnet_jax.weights.export_onnx import require_close

PLATFORMS = ("cpu", "cuda", "tpu")


def stablehlo(trained: Trained, params: Params) -> bytes:
    """Return the bytes of an exported function from stored images to logits of their centre crops.

    [b, S, S, C] uint8 -> [b, classes] float32, for any b >= 1 and all of `PLATFORMS`; without a
    classifier to the last layer's output. The parameters and the mean image are constants in it.
    """
    net, size = trained.architecture, trained.stored_size
    statistics = Statistics(*(np.asarray(gather_to_host(value)) for value in trained.statistics))

    def logits(images: jax.Array) -> jax.Array:
        scale = trained.config.scale
        views = centre_views(images, statistics, size=net.image_size, scale=scale)
        return forward(net, jax.tree.map(jnp.asarray, params), views)

    (count,) = jax.export.symbolic_shape("b")
    images = jax.ShapeDtypeStruct((count, size, size, net.channels), jnp.uint8)
    function = jax.export.export(jax.jit(logits), platforms=PLATFORMS)(images)
    return bytes(function.serialize())


def require_stablehlo_agrees(trained: Trained, path: Path) -> float:
    """Compare a file's results with the network's in float32 on random images.

    Returns:
      The largest difference, relative to the network's largest value.

    Raises:
      RuntimeError: the difference is too large.
    """
    size, channels = trained.stored_size, trained.architecture.channels
    draw: Any = np.random.default_rng(0)
    images = draw.integers(0, 256, (3, size, size, channels), np.uint8)
    function = jax.export.deserialize(bytearray(path.read_bytes()))
    batch = trained.topology.divisible(len(images))
    rows = np.resize(np.arange(len(images)), batch)
    result = list(trained.architecture.outputs())[-1]
    network = make_features(
        trained.architecture,
        trained.topology,
        layers=(result,),
        pixel_scale=trained.config.scale,
    )
    values = network(trained.params, images[rows], trained.statistics)[result]
    ours = np.asarray(gather_to_host(values), np.float32)[: len(images)]
    return require_close(np.asarray(function.call(images)).reshape(len(images), -1), ours, path)
