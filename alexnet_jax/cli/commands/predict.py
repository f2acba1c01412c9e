"""Classify pictures with a trained network.

    alexnet-jax predict cat.jpg
    alexnet-jax predict runs/digits seven.png

NETWORK is the directory of a training run, a file of weights, or a name: tiny, which comes with the
package and is the network if none is given, or one of published weights. IMAGE is a file, a
directory of pictures, or - for one picture on standard input. A file that cannot be read is an
error. Unreadable pictures in directories are left out and listed on standard error, and the exit
status is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import SeveralProcesses, run
from alexnet_jax.cli.options import (
    Checkpoint,
    OmitArgPrefixes,
    Positional,
    Precision,
    Quiet,
    Topology,
    Views,
    arg,
)
from alexnet_jax.errors import InputError, printable

if TYPE_CHECKING:
    import numpy as np

    from alexnet_jax.data import Listed
    from alexnet_jax.inference import Trained

MANY = 100  # from this number of pictures on, the time is told even if it is short


@dataclass(frozen=True)
class Options:
    """Print the five most probable classes of each picture, with their probabilities."""

    given: Positional[
        Annotated[tuple[str, ...], arg(metavar="[NETWORK] IMAGE...", help_behavior_hint="")]
    ]
    """The network, by default tiny; files of pictures, directories of them, or - for standard
    input."""
    json: bool = False
    """Print JSON instead of text."""
    views: Views = 1
    """1: the centre crop; 10: corners, centre and their mirror images, averaged, as in 2012."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    topology: Topology = "one_device"
    """Distribution of the network over devices."""
    precision: Precision = None
    """Products of float32 numbers on TPUs and GPUs: rounded as is usual there, or exact."""
    processes: OmitArgPrefixes[SeveralProcesses] = field(default_factory=SeveralProcesses)
    quiet: Quiet = False
    """Print nothing but results and errors."""


class Output:
    """Output as text or one JSON list, printed entry by entry or, if `deferred`, at the end."""

    def __init__(self, *, as_json: bool, deferred: bool) -> None:
        self._json, self._deferred = as_json, deferred
        self._texts: list[str] = []
        self._count = 0

    def add(self, entry: dict[str, Any]) -> None:
        text = self._json_text(entry) if self._json else _text(entry)
        self._count += 1
        if self._deferred:
            self._texts.append(text)
        else:
            print(text, end="", flush=True)

    def finish(self) -> None:
        print("".join(self._texts), end="")
        if self._json:
            print("\n]" if self._count else "[]")

    def _json_text(self, entry: dict[str, Any]) -> str:
        """Return an entry as it appears in `json.dumps` of the whole list."""
        lines = json.dumps(entry, indent=2).splitlines()
        return (",\n" if self._count else "[\n") + "\n".join("  " + line for line in lines)


def _text(entry: dict[str, Any]) -> str:
    rows = [f"  {p['probability']:7.2%}  {printable(p['class'])}\n" for p in entry["predictions"]]
    return f"{printable(entry['image'])}\n{''.join(rows)}"


def main(options: Options) -> None:
    import jax

    from alexnet_jax.data import STANDARD_INPUT, list_pictures
    from alexnet_jax.display import LONG, Progress
    from alexnet_jax.runtime import enable_compile_cache, is_first
    from alexnet_jax.weights import network_and_pictures, trained_network

    network, images = network_and_pictures(options.given)
    if not images:
        raise InputError("give at least one picture to classify")
    options.processes.join_alike("predict", options)
    enable_compile_cache()
    trained = trained_network(
        network,
        checkpoint=options.checkpoint,
        topology_name=options.topology,
        precision=options.precision,
    )
    if STANDARD_INPUT in images and jax.process_count() > 1:
        raise InputError("- is for one process: standard input is not that of all")
    pictures = list_pictures(images)
    # An unreadable file that was named is an error, so nothing is printed before all are read.
    deferred = any(picture.named for picture in pictures)
    output = Output(as_json=options.json, deferred=deferred)
    progress = None
    if is_first() and (deferred or not sys.stdout.isatty()):
        after = 0.0 if len(pictures) >= MANY else LONG
        progress = Progress("predicting", len(pictures), file=sys.stderr, after=after)
    bad = 0
    for picture, result in predictions(trained, pictures, options.views):
        if progress is not None:
            progress.advance(1)
        bad += isinstance(result, InputError)
        if not is_first():
            continue
        if isinstance(result, InputError):
            print(f"left out: {result}", file=sys.stderr)
        else:
            output.add({"image": picture.name, "predictions": _top_five(trained, result)})
    if bad == len(pictures):
        raise InputError(f"none of the {bad} pictures can be read")
    if is_first():
        output.finish()
    if progress is not None:
        progress.finish()
    if bad:
        raise SystemExit(1)


def predictions(
    trained: Trained, pictures: list[Listed], views: int
) -> Iterator[tuple[Listed, np.ndarray | InputError]]:
    """Yield each picture with its class probabilities [classes], or with its error.

    Raises:
      InputError: a file that was named cannot be read.
    """
    from alexnet_jax.data import blocks, make_reader

    size, _, channels = shape = trained.stored_shape
    count = len(pictures)
    config = trained.config
    read = make_reader(pictures, size, channels, config.resize, config.ground)
    stream = blocks(read, count, shape, trained.batch(count))
    for block, rows in trained.classified(stream, views):
        for number, row in zip(block.numbers, rows, strict=False):
            error = block.errors.get(number)
            if error is not None and pictures[number].named:
                raise error
            yield pictures[number], row if error is None else error


def _top_five(trained: Trained, row: np.ndarray) -> list[dict[str, Any]]:
    """Return the five likeliest classes; of ImageNet's classes, words and synsets."""
    from alexnet_jax.inference import top_classes

    names, words = trained.class_names, trained.class_words
    return [
        {"index": i, "class": words[i]}
        | ({} if words[i] == names[i] else {"synset": names[i]})
        | {"probability": float(row[i])}
        for i in top_classes(row, 5)
    ]


command = partial(run, main, Options)
