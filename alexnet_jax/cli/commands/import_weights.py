"""Import weights of other projects.

KIND is torchvision (.pth), caffe (.caffemodel), onnx, npy (bvlc_alexnet.npy) or safetensors. In
place of KIND FILE, a NAME downloads published weights: torchvision, caffe_alexnet, caffenet,
onnx_alexnet or onnx_caffenet. The workdir can be passed to evaluate, predict and export, and a
training can start from it.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Changes,
    Directory,
    Positional,
    Quiet,
    changed_values,
    option,
    words,
)
from alexnet_jax.cli.values import number
from alexnet_jax.errors import InputError, printable
from alexnet_jax.runs import parse_layer_value

KindOrName = Literal[
    "torchvision",
    "caffe",
    "onnx",
    "npy",
    "safetensors",
    "caffe_alexnet",
    "caffenet",
    "onnx_alexnet",
    "onnx_caffenet",
]
Npy = Literal["caffe_alexnet", "caffenet"]


def mean(text: str) -> str | list[float]:
    """Read a mean pixel, three numbers, or return the path of a file."""
    parts = text.split(",")
    return text if len(parts) == 1 else list(map(number, parts))


@dataclass(frozen=True)
class Options:
    """Convert a file of weights to a workdir, with the preprocessing that belongs to them."""

    kind: Positional[Annotated[KindOrName, words(KindOrName, metavar="KIND|NAME")]]
    """Kind of the file: torchvision, caffe, onnx, npy or safetensors; without FILE, name of the
    published weights: torchvision, caffe_alexnet, caffenet, onnx_alexnet or onnx_caffenet."""
    workdir: Directory
    """Directory to create."""
    file: Positional[Annotated[Path | None, option(Path, "FILE", "downloaded by NAME")]] = None
    """The file of weights."""
    mean: Annotated[str | list[float] | None, option(mean, "FILE|B,G,R", "as published")] = None
    """For caffe and npy: mean image (.binaryproto or .npy), or mean pixel: blue, green, red."""
    classes: Annotated[Path | None, option(Path, "FILE", "numbered")] = None
    """Text file with one class name per line, in the order of the outputs."""
    preset: Annotated[Npy | None, words(Npy, "as the name of FILE says")] = None
    """For npy: which of the two networks FILE holds, whose arrays have the same shapes."""
    data: Annotated[str | None, option(str, "NAME", "as FILE says or imagenet2012")] = None
    """Data set on which evaluate tests the network."""
    set: Changes = ()
    """Changes to the preset's layers, such as conv1.maps=32, for a network of other widths."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    from alexnet_jax.display import waiting
    from alexnet_jax.weights import load, require_empty_workdir, save_workdir

    require_empty_workdir(options.workdir)
    class_names = None if options.classes is None else names(options.classes)
    changes = layers(options)
    kind, file = kind_and_file(options)
    with (
        waiting(f"reading {file}"),
        warnings.catch_warnings(record=True, action="always", category=UserWarning) as caught,
    ):
        weights = load(
            kind,
            file,
            mean=options.mean,
            class_names=class_names,
            layers=changes,
            preset=options.preset,
        )
    for warning in caught:
        print(f"note: {printable(str(warning.message))}", file=sys.stderr)
    with waiting(f"writing {options.workdir}"):
        save_workdir(weights, options.workdir, data=options.data)
    print(printable(f"{options.workdir}: {weights.architecture.name} of {weights.file}"))
    print(f"sha256 {weights.sha256}")
    if weights.published is not None:
        known = "of this file" if weights.is_published else "if this is the published file"
        top1, top5 = weights.published.top1, weights.published.top5
        source = weights.published.source
        print(f"published {known}: top1 {top1:g} %, top5 {top5:g} % ({source})")


def kind_and_file(options: Options) -> tuple[str, Path]:
    """Return the kind and the path of the file, which is downloaded if only its name was given."""
    from alexnet_jax.weights import KINDS, PUBLISHED_FILES, fetch

    if options.file is None:
        if options.kind not in PUBLISHED_FILES:
            raise InputError(
                f"{options.kind} needs a FILE; names of published weights, which are downloaded, "
                f"are {', '.join(PUBLISHED_FILES)}"
            )
        return PUBLISHED_FILES[options.kind].kind, fetch(options.kind)
    if options.kind not in KINDS:
        raise InputError(
            f"{options.kind} names published weights, which are downloaded without FILE; the kinds "
            f"of a FILE are {', '.join(KINDS)}"
        )
    return options.kind, options.file


def names(path: Path) -> list[str]:
    """Read the lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None


def layers(options: Options) -> dict[str, dict[str, object]] | None:
    """Return the changes of --set by layer, or None if there are none."""
    changes: dict[str, dict[str, object]] = {}
    form = "LAYER.FIELD=VALUE"
    for name, value in changed_values(options.set, form).items():
        layer, dot, field = name.partition(".")
        if not dot:
            raise InputError(f"--set takes {form}, got {f'{name}={value}'!r}")
        changes.setdefault(layer, {})[field] = parse_layer_value(value)
    return changes if changes else None


command = partial(run, main, Options)
