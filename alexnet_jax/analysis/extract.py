"""Extraction of the features of many pictures into files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
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
    layers: Sequence[str],
    path: Path,
    advance: Callable[[int], None] = lambda count: None,
) -> list[InputError]:
    """Write the features of all readable pictures to a file for each layer, in one pass.

    Pictures are decoded while the network computes, and features are written as they are computed:
    apart from the pictures' names, memory use does not grow with their number. The files appear
    once they are complete.

    Args:
      workdir: workdir of the network, to be recorded in the files.
      layers: layers whose outputs are written.
      path: path of the file, .npy or .parquet; of several layers, as `file_of` says.
      advance: called with the number of pictures processed since the last call.

    Returns:
      The errors of the pictures that could not be read.

    Raises:
      InputError: no such layer; no readable picture.
    """
    features = make_features(
        trained.architecture,
        trained.topology,
        layers=layers,
        pixel_scale=trained.config.scale,
        dtype=trained.config.dtype,
        precision=trained.config.precision,
    )
    origin = partial(
        Origin,
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

    def compute(images: np.ndarray) -> dict[str, jax.Array]:
        return features(trained.params, images, trained.statistics)

    with contextlib.ExitStack() as files:
        writers = {}
        for layer in layers:
            width = feature_width(trained.architecture, layer)
            file = writing(file_of(path, layer, layers), width, origin(layer=layer))
            writers[layer] = files.enter_context(file)
        for block, values in map_blocks(compute, stream):
            good = block.good
            rows = rows_of(collection, (block.numbers.start + good).tolist())
            for layer, writer in writers.items():
                writer.add(values[layer][good], rows)
            bad += block.errors.values()
            advance(len(block.numbers))
        if len(bad) == count:
            raise InputError(f"none of the {count} pictures can be read: {bad[0]}")
    return bad


def file_of(path: Path, layer: str, layers: Sequence[str]) -> Path:
    """Return the file of a layer: of several, `path` with the layer's name before its ending."""
    return path if len(layers) == 1 else path.with_name(f"{path.stem}.{layer}{path.suffix}")


def rows_of(collection: Collection, numbers: list[int]) -> Rows:
    """Return the names, splits and labels of some pictures, by their numbers in the collection."""
    names, splits = (
        [values[number] for number in numbers] for values in (collection.names, collection.splits)
    )
    return Rows(names, splits, collection.labels[numbers])
