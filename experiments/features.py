"""What a network makes of pictures: python experiments/features.py extract|neighbours|probe ...

extract writes a layer's output for every picture of a folder or a data set; neighbours finds the
pictures whose features are nearest, as in figure 4 of the paper; probe says how well a linear
classifier does on them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg
from alexnet_jax.cli.values import positive_number, writable
from alexnet_jax.errors import InputError

MANY = 1_000_000  # rows to compare, from which on it is said how long it took
FeaturesFile = Positional[Annotated[str, arg(metavar="FEATURES")]]


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Write a layer's features of all pictures of a folder or a data set."""

    workdir: Positional[Annotated[str, arg(metavar="WORKDIR")]]
    """Directory of a training run."""
    out: Annotated[str, arg(metavar="FILE")]
    """An .npy file, names and labels of which go to FILE.json beside it; or a .parquet file."""
    layer: str = "fc7"
    """conv1, pool1, ..., fc6, fc7, logits: any layer by its name."""
    images: Annotated[str, arg(metavar="DIR")] = "none"
    """A folder of pictures: DIR/*, DIR/CLASS/* or DIR/train/CLASS/* and DIR/test/CLASS/*."""
    data: Annotated[str, arg(metavar="NAME")] = "as in training"
    """Instead of a folder, a data set, with --data-dir one that was prepared."""
    data_dir: Annotated[str, arg(metavar="DIR")] = "as in training"
    """Directory of the prepared data sets."""
    checkpoint: Annotated[str, arg(metavar="best|latest|N")] = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""
    topology: str = "one_device"
    """How the network is spread over devices: one_device, two_towers, data, data_towers, hybrid."""


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The training pictures nearest to some test pictures, or where there are no splits, of all."""

    features: FeaturesFile
    """A file that extract has written."""
    names: Positional[Annotated[tuple[str, ...], arg(metavar="[NAME...]")]] = ()
    """Whose neighbours: pictures by their names; else --count of them, spread evenly."""
    count: int = 5
    """Pictures to find neighbours of, where none is named."""
    neighbours: int = 6
    """Neighbours of each."""
    distance: str = "euclidean"
    """euclidean, as in 2012, or cosine."""
    json: bool = False
    """Print JSON instead of text."""
    picture: Annotated[str, arg(metavar="FILE")] = "none"
    """A sheet of pictures, .png, .pdf or .svg: each in the first column, then its neighbours."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Fit scikit-learn's logistic regression to the training pictures' features, and test it."""

    features: FeaturesFile
    """A file that extract has written; where it has no test split, a tenth of each class tests."""
    inverse_penalty: Annotated[str, arg(metavar="C")] = "1"
    """scikit-learn's C: the larger, the less is the size of the weights held down."""


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
    from alexnet_jax.analysis import SUFFIXES, check_format
    from alexnet_jax.analysis import extract as extract_features
    from alexnet_jax.data import of_dataset, of_folder
    from alexnet_jax.display import Progress
    from alexnet_jax.inference import feature_width, load_trained
    from alexnet_jax.runtime import keep_compiled

    path = writable("--out", options.out, SUFFIXES)
    if path is None:
        raise InputError("--out names the file to be written")
    check_format(path)
    if options.images != "none" and options.data != "as in training":
        raise InputError("give --images or --data, not both")
    keep_compiled()
    trained = load_trained(
        options.workdir, checkpoint=options.checkpoint, topology_name=options.topology
    )
    width = feature_width(trained.architecture, options.layer)
    if options.images != "none":
        collection = of_folder(Path(options.images), trained.stored_shape, trained.config.resize)
    else:
        asked = {"data": options.data, "data_dir": options.data_dir}
        name, data_dir = (
            getattr(trained.config, key) if text == "as in training" else text
            for key, text in asked.items()
        )
        collection = of_dataset(name, data_dir, trained.stored_shape)
    progress = Progress(options.layer, len(collection))
    bad = extract_features(
        trained, options.workdir, collection, options.layer, path, progress.advance
    )
    progress.finish()
    print(f"{path}: {len(collection) - len(bad):,} rows of {width:,} numbers")
    for error in bad:
        print(f"left out: {error}", file=sys.stderr)
    if bad:
        raise SystemExit(1)


def neighbours(options: Neighbours) -> None:
    import numpy as np

    from alexnet_jax.analysis import AT_A_TIME, asked, described, drawn, nearest, read_features
    from alexnet_jax.display import Progress

    sheet = writable("--picture", options.picture, (".png", ".pdf", ".svg"))
    found = read_features(Path(options.features))
    queries, among = asked(found, options.names, options.count)
    passes = -(-len(queries) // AT_A_TIME)
    progress = Progress("comparing", passes * len(among), unit="rows", file=sys.stderr)
    rows, distances = nearest(
        found.values[queries],
        found.values,
        options.neighbours,
        distance=options.distance,  # type: ignore[arg-type]
        among=among,
        leave_out=queries if np.isin(queries, among).any() else None,
        advance=progress.advance,
    )
    if passes * len(among) >= MANY:
        progress.finish()
    entries = described(found, queries, rows, distances)
    if sheet is not None:
        title = f"nearest by {found.origin.layer}, {options.distance} distance"
        drawn(found, entries, title).savefig(sheet, dpi=120)
    print(json.dumps(entries, indent=2) if options.json else _text(entries))


def _text(entries: list[dict[str, Any]]) -> str:
    def line(picture: dict[str, Any]) -> str:
        return picture["name"] + (f"  {picture['class']}" if picture["class"] else "")

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

    penalty = positive_number("--inverse-penalty", options.inverse_penalty)
    found = read_features(Path(options.features))
    labels, splits = found.rows.labels, np.array(found.rows.splits)
    if not len(labels) or labels.min() < 0:
        raise InputError(f"{options.features} has no classes to tell apart")
    train, test = (np.flatnonzero(splits == split) for split in ("train", "test"))
    if not (len(train) and len(test)):
        train, test = stratified(labels, 0.1, seed=2012)
    right, ended = linear_probe(found.values, labels, train, test, inverse_penalty=penalty)
    if not ended:
        print("note: the solver stopped before its end; a smaller C ends sooner", file=sys.stderr)
    print(
        f"{found.origin.layer} of {found.origin.workdir}, step {found.origin.step}: linear probe "
        f"fitted to {len(train):,} pictures, tested on {len(test):,}\ntop1 {right:.2%}"
    )


if __name__ == "__main__":
    run(main, Options)
