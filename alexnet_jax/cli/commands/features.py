"""Extract and examine features.

extract writes a layer's output for every picture of a folder or a data set. neighbours finds the
pictures whose features are nearest, as in figure 4 of the paper. probe measures the accuracy of a
linear classifier of the features.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Checkpoint,
    Network,
    Picture,
    Positional,
    Quiet,
    Topology,
    TrainingData,
    Whole,
    arg,
    option,
    words,
)
from alexnet_jax.cli.values import directory, positive, writable
from alexnet_jax.errors import InputError, printable

MANY = 1_000_000  # from this number of compared rows on, the time is reported
FeaturesFile = Positional[Annotated[Path, option(Path, "FEATURES")]]
Distance = Literal["euclidean", "cosine"]


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Write a layer's features of all pictures of a folder or a data set."""

    network: Positional[Network]
    """Directory of a training run, file of weights, or a name: tiny, or of published weights."""
    out: Annotated[Path, option(partial(writable, suffixes=(".npy", ".parquet")), "FILE")]
    """An .npy file, with names and labels in FILE.json beside it, or a .parquet file."""
    layer: str = "fc7"
    """Name of the layer: conv1, pool1, ..., fc6, fc7, logits. Several, separated by commas, are
    computed in one pass; each has a file of its own, such as FILE.fc7.npy for FILE.npy."""
    images: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Folder of pictures: DIR/*, DIR/CLASS/* or DIR/train/CLASS/* and DIR/test/CLASS/*."""
    data: Annotated[str | None, option(str, "NAME", "as in training")] = None
    """Name of a data set, instead of a folder; with --data-dir, of a prepared one."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    topology: Topology = "one_device"
    """Distribution of the network over devices."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Find the training pictures nearest to test pictures; without splits, among all pictures."""

    features: FeaturesFile
    """File written by extract."""
    names: Positional[Annotated[tuple[str, ...], arg(metavar="[NAME...]")]] = ()
    """Names of the pictures whose neighbours to find; none: --count of them, evenly spaced."""
    count: Whole = 5
    """Number of pictures whose neighbours to find if none is named."""
    neighbours: Whole = 6
    """Number of neighbours of each picture."""
    distance: Annotated[Distance, words(Distance)] = "euclidean"
    """Distance between features; Euclidean in 2012."""
    json: bool = False
    """Print JSON instead of text."""
    picture: Picture = None
    """File for a figure, .png, .pdf or .svg: each row a picture and its neighbours."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Fit scikit-learn's logistic regression to features of training pictures, and test it."""

    features: FeaturesFile
    """File written by extract; if it has no test split, a tenth of each class is the test set."""
    inverse_penalty: Annotated[float, option(positive, "C")] = 1.0
    """scikit-learn's C, the inverse of the penalty on the weights."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


Options = Extract | Neighbours | Probe


def main(options: Options) -> None:
    match options:
        case Extract():
            extract(options)
        case Neighbours():
            neighbours(options)
        case Probe():
            probe(options)


def extract(options: Extract) -> None:
    from alexnet_jax.analysis import check_format, file_of
    from alexnet_jax.analysis import extract as extract_features
    from alexnet_jax.data import collection_of_dataset, collection_of_folder
    from alexnet_jax.display import Progress
    from alexnet_jax.inference import feature_width
    from alexnet_jax.runtime import enable_compile_cache
    from alexnet_jax.weights import trained_network

    check_format(options.out)
    if options.images is not None and options.data is not None:
        raise InputError("give --images or --data, not both")
    enable_compile_cache()
    trained = trained_network(
        options.network, checkpoint=options.checkpoint, topology_name=options.topology
    )
    layers = list(dict.fromkeys(options.layer.split(",")))
    widths = {layer: feature_width(trained.architecture, layer) for layer in layers}
    if options.images is not None:
        config = trained.config
        collection = collection_of_folder(
            options.images, trained.stored_shape, config.resize, config.ground
        )
    else:
        name = options.data if options.data is not None else trained.config.data
        data_dir = str(options.data_dir or trained.config.data_dir)
        collection = collection_of_dataset(name, data_dir, trained.stored_shape)
    progress = Progress(options.layer, len(collection))
    bad = extract_features(
        trained, str(options.network), collection, layers, options.out, progress.advance
    )
    progress.finish()
    for layer, width in widths.items():
        path = file_of(options.out, layer, layers)
        print(f"{path}: {len(collection) - len(bad):,} rows of {width:,} numbers")
    for error in bad:
        print(f"left out: {error}", file=sys.stderr)
    if bad:
        raise SystemExit(1)


def neighbours(options: Neighbours) -> None:
    import numpy as np

    from alexnet_jax.analysis import (
        QUERIES_PER_PASS,
        choose_queries,
        describe_neighbours,
        draw_neighbours,
        nearest,
        read_features,
    )
    from alexnet_jax.display import Progress

    file = read_features(options.features)
    queries, among = choose_queries(file, options.names, options.count)
    passes = -(-len(queries) // QUERIES_PER_PASS)
    progress = Progress("comparing", passes * len(among), unit="rows", file=sys.stderr)
    rows, distances = nearest(
        file.values[queries],
        file.values,
        options.neighbours,
        distance=options.distance,
        among=among,
        leave_out=queries if np.isin(queries, among).any() else None,
        advance=progress.advance,
    )
    if passes * len(among) >= MANY:
        progress.finish()
    entries = describe_neighbours(file, queries, rows, distances)
    if options.picture is not None:
        title = f"nearest by {file.origin.layer}, {options.distance} distance"
        draw_neighbours(file, entries, title).savefig(options.picture, dpi=120)
    print(json.dumps(entries, indent=2) if options.json else _text(entries))


def _text(entries: list[dict[str, Any]]) -> str:
    def line(picture: dict[str, Any]) -> str:
        name = picture["name"] + (f"  {picture['class']}" if picture["class"] else "")
        return printable(name)

    lines = []
    for entry in entries:
        lines.append(line(entry))
        lines += [f"  {near['distance']:10.4g}  {line(near)}" for near in entry["neighbours"]]
    with_class = [entry for entry in entries if entry["class"]]
    if with_class:
        same = sum(entry["class"] == entry["neighbours"][0]["class"] for entry in with_class)
        lines.append(f"the nearest is of the same class: {same} of {len(with_class)}")
    return "\n".join(lines)


def probe(options: Probe) -> None:
    import numpy as np

    from alexnet_jax.analysis import linear_probe, read_features
    from alexnet_jax.data.sources import stratified
    from alexnet_jax.display import waiting

    file = read_features(options.features)
    labels, splits = file.rows.labels, np.array(file.rows.splits)
    if not len(labels) or labels.min() < 0:
        raise InputError(f"{options.features} has no classes to tell apart")
    train, test = (np.flatnonzero(splits == split) for split in ("train", "test"))
    if not (len(train) and len(test)):
        train, test = stratified(labels, 0.1)
    with waiting(f"fitting to {len(train):,} pictures"):
        accuracy, converged = linear_probe(
            file.values, labels, train, test, inverse_penalty=options.inverse_penalty
        )
    if not converged:
        print("note: the solver stopped before its end; a smaller C ends sooner", file=sys.stderr)
    print(
        f"{file.origin.layer} of {file.origin.workdir}, step {file.origin.step}: linear probe "
        f"fitted to {len(train):,} pictures, tested on {len(test):,}\ntop1 {accuracy:.2%}"
    )


command = partial(run, main, Options)
