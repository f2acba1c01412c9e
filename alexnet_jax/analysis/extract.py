"""Features of many pictures, from a network to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from alexnet_jax.analysis.feature_file import Origin, Rows, writing
from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.data import Collection, blocks
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained, computed, feature_width, make_features


def extract(
    trained: Trained,
    workdir: str,
    collection: Collection,
    layer: str,
    path: Path,
    advance: Callable[[int], None] = lambda count: None,
) -> list[InputError]:
    """Writes a layer's features of all pictures that can be read; what is wrong with the others.

    Pictures are decoded beside the computing, and features written as they come: any number takes
    the same memory, but for their names. The file appears when all of it is there.

    Args:
      workdir: whose network it is, as the file will say.
      path: of the file, .npy or .parquet.
      advance: told of pictures as they are done.

    Raises:
      InputError: no such layer; no picture that can be read.
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

    def of(images: np.ndarray) -> jax.Array:
        return features(trained.params, images, trained.statistics)

    with writing(path, width, origin) as writer:
        for block, values in computed(of, stream):
            good = block.good
            rows = (block.numbers.start + good).tolist()
            writer.add(values[good], rows_of(collection, rows))
            bad += block.errors.values()
            advance(len(block.numbers))
        if len(bad) == count:
            raise InputError(f"none of the {count} pictures can be read: {bad[0]}")
    return bad


def rows_of(collection: Collection, rows: list[int]) -> Rows:
    """What stands beside the features of some pictures."""
    names, splits = (
        [values[row] for row in rows] for values in (collection.names, collection.splits)
    )
    return Rows(names, splits, collection.labels[rows])
