"""Classify pictures with a trained network: python experiments/predict.py WORKDIR IMAGE...

IMAGE is a file, a directory, for all pictures in it, or -, for one picture on standard input.
Pictures of directories that cannot be read are named on standard error and left out, and the exit
status is 1; one that is named must be readable.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import SeveralProcesses, run
from alexnet_jax.cli.options import (
    Checkpoint,
    OmitArgPrefixes,
    Positional,
    Topology,
    Views,
    Workdir,
    arg,
)
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from alexnet_jax.data import Listed
    from alexnet_jax.inference import Trained

MANY = 100  # pictures, from which on progress is shown


@dataclass(frozen=True)
class Options:
    """The five likeliest classes of each picture, with their probabilities."""

    workdir: Positional[Workdir]
    """Directory of a training run."""
    images: Positional[
        Annotated[tuple[str, ...], arg(metavar="IMAGE...", help_behavior_hint="(one or more)")]
    ]
    """Files of pictures of any kind, directories of pictures, or - for standard input."""
    json: bool = False
    """Print JSON instead of text."""
    views: Views = 1
    """1: the centre crop; 10: corners, centre and their mirror images, averaged, as in 2012."""
    checkpoint: Checkpoint = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""
    topology: Topology = "one_device"
    """How the network is spread over devices."""
    processes: OmitArgPrefixes[SeveralProcesses] = field(default_factory=SeveralProcesses)


class Output:
    """Entries on standard output, as text or one JSON list: as they come, or all at the end."""

    def __init__(self, *, as_json: bool, held: bool) -> None:
        self._json, self._held = as_json, held
        self._texts: list[str] = []
        self._count = 0

    def add(self, entry: dict[str, Any]) -> None:
        text = self._listed(entry) if self._json else _text(entry)
        self._count += 1
        if self._held:
            self._texts.append(text)
        else:
            print(text, end="", flush=True)

    def finish(self) -> None:
        print("".join(self._texts), end="")
        if self._json:
            print("\n]" if self._count else "[]")

    def _listed(self, entry: dict[str, Any]) -> str:
        """As `json.dumps` of the whole list has it."""
        lines = json.dumps(entry, indent=2).splitlines()
        return (",\n" if self._count else "[\n") + "\n".join("  " + line for line in lines)


def _text(entry: dict[str, Any]) -> str:
    rows = [f"  {p['probability']:7.2%}  {p['class']}\n" for p in entry["predictions"]]
    return f"{entry['image']}\n{''.join(rows)}"


def main(options: Options) -> None:
    if not options.images:
        raise InputError("give at least one picture to classify")
    import jax

    from alexnet_jax.data import STANDARD_INPUT, listed
    from alexnet_jax.display import Progress
    from alexnet_jax.inference import load_trained
    from alexnet_jax.runtime import is_first, keep_compiled

    options.processes.join()
    keep_compiled()
    trained = load_trained(
        options.workdir, checkpoint=options.checkpoint, topology_name=options.topology
    )
    if STANDARD_INPUT in options.images and jax.process_count() > 1:
        raise InputError("- is for one process: standard input is not that of all")
    pictures = listed(options.images)
    # One bad picture among those that are named spoils all: nothing is printed before all are read.
    held = any(picture.named for picture in pictures)
    output = Output(as_json=options.json, held=held)
    progress = None
    if is_first() and len(pictures) >= MANY and (held or not sys.stdout.isatty()):
        progress = Progress("predicting", len(pictures), file=sys.stderr)
    bad = 0
    for picture, found in predictions(trained, pictures, options.views):
        if progress is not None:
            progress.advance(1)
        bad += isinstance(found, InputError)
        if not is_first():
            continue
        if isinstance(found, InputError):
            print(f"left out: {found}", file=sys.stderr)
        else:
            output.add({"image": picture.name, "predictions": _likeliest(trained, found)})
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
    """Each picture with its class probabilities [classes], or with what is wrong with it.

    Raises:
      InputError: a picture that is named cannot be read.
    """
    from alexnet_jax.data import blocks, reader

    size, _, channels = shape = trained.stored_shape
    count = len(pictures)
    read = reader(pictures, size, channels, trained.config.resize)
    stream = blocks(read, count, shape, trained.batch(count))
    for block, rows in trained.classified(stream, views):
        for number, row in zip(block.numbers, rows, strict=False):
            error = block.errors.get(number)
            if error is not None and pictures[number].named:
                raise error
            yield pictures[number], row if error is None else error


def _likeliest(trained: Trained, row: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"index": int(i), "class": trained.class_names[i], "probability": float(row[i])}
        for i in row.argsort(kind="stable")[::-1][:5]
    ]


if __name__ == "__main__":
    run(main, Options)
