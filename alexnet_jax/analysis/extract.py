"""Extraction of the features of many pictures into a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from alexnet_jax.analysis.feature_file import Origin, Rows, writing
from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.data import Collection, blocks
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained, feature_width, make_features, map_blocks


def extract(
    trained: Trained,
    workdir: str,
    collection: Collection,
    layer: str,
    path: Path,
    advance: Callable[[int], None] = lambda count: None,
) -> list[InputError]:
    """Write a layer's features of all readable pictures to a file.

    Pictures are decoded while the network computes, and features are written as they are computed:
    apart from the pictures' names, memory use does not grow with their number. The file appears
    once it is complete.

    Args:
      workdir: workdir of the network, to be recorded in the file.
      layer: layer whose output is written.
      path: path of the file, .npy or .parquet.
      advance: called with the number of pictures processed since the last call.

    Returns:
      The errors of the pictures that could not be read.

    Raises:
      InputError: no such layer; no readable picture.
    """
    width = feature_width(trained.architecture, layer)
    features = make_features(
        trained.architecture,
        trained.topology,
        layer=layer,
        pixel_scale=trained.config.scale,
        dtype=trained.config.dtype,
    )
    origin = Origin(
        layer=layer,
        workdir=workdir,
        step=trained.step,
        params_sha256=params_sha256(trained.params),
        shape=collection.shape,
        pictures=collection.about,
        class_names=collection.class_names,
    )
    count, bad = len(collection), list[InputError]()
    batch = trained.batch(count)
    stream = blocks(
        collection.read, count, collection.shape, batch, at_a_time=min(batch, collection.at_a_time)
    )

    def compute(images: np.ndarray) -> jax.Array:
        return features(trained.params, images, trained.statistics)

    with writing(path, width, origin) as writer:
        for block, values in map_blocks(compute, stream):
            good = block.good
            numbers = (block.numbers.start + good).tolist()
            writer.add(values[good], rows_of(collection, numbers))
            bad += block.errors.values()
            advance(len(block.numbers))
        if len(bad) == count:
            raise InputError(f"none of the {count} pictures can be read: {bad[0]}")
    return bad


def rows_of(collection: Collection, numbers: list[int]) -> Rows:
    """Return the names, splits and labels of some pictures, by their numbers in the collection."""
    names, splits = (
        [values[number] for number in numbers] for values in (collection.names, collection.splits)
    )
    return Rows(names, splits, collection.labels[numbers])
