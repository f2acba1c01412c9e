"""Weights of other projects: python experiments/import_weights.py KIND FILE --workdir DIR

KIND is torchvision (.pth), caffe (.caffemodel), onnx, npy (bvlc_alexnet.npy) or safetensors. The
workdir is for evaluate.py, predict.py and export.py, and to start a training from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Changes, Directory, Positional, changed_values, option, words
from alexnet_jax.cli.values import number
from alexnet_jax.errors import InputError
from alexnet_jax.runs import layer_value

Kind = Literal["torchvision", "caffe", "onnx", "npy", "safetensors"]


def mean(text: str) -> str | list[float]:
    """A mean pixel as numbers, or the path of a file."""
    parts = text.split(",")
    return text if len(parts) == 1 else list(map(number, parts))


@dataclass(frozen=True)
class Options:
    """A workdir out of a file of weights, with the preprocessing that belongs to it."""

    kind: Positional[Annotated[Kind, words(Kind)]]
    """Kind of the file."""
    file: Positional[Annotated[Path, option(Path, "FILE")]]
    """The file of weights."""
    workdir: Directory
    """Directory to make."""
    mean: Annotated[str | list[float] | None, option(mean, "FILE|B,G,R", "as published")] = None
    """For caffe and npy: the mean image (.binaryproto or .npy), or a pixel: blue, green, red."""
    classes: Annotated[Path | None, option(Path, "FILE", "numbered")] = None
    """Text file with the name of a class on each line, in the order of the outputs."""
    data: Annotated[str | None, option(str, "NAME", "as FILE says or imagenet2012")] = None
    """Data set for evaluate.py to test on."""
    set: Changes = ()
    """Changes to the preset's layers, as conv1.maps=32, for a network of other widths."""


def main(options: Options) -> None:
    from alexnet_jax.weights import load, require_free, save_workdir

    require_free(options.workdir)
    weights = load(
        options.kind,
        options.file,
        mean=options.mean,
        class_names=None if options.classes is None else names(options.classes),
        layers=layers(options),
    )
    save_workdir(weights, options.workdir, data=options.data)
    print(f"{options.workdir}: {weights.architecture.name} of {weights.file}")
    print(f"sha256 {weights.sha256}")
    if weights.published is not None:
        known = "of this file" if weights.is_published else "if this is the published file"
        found = weights.published
        print(f"published {known}: top1 {found.top1:g} %, top5 {found.top5:g} % ({found.source})")


def names(path: Path) -> list[str]:
    """The lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None


def layers(options: Options) -> dict[str, dict[str, object]] | None:
    """What --set changes, by layer."""
    found: dict[str, dict[str, object]] = {}
    for name, value in changed_values(options.set).items():
        layer, dot, field = name.partition(".")
        if not dot:
            raise InputError(f"--set takes LAYER.FIELD=VALUE, got {f'{name}={value}'!r}")
        found.setdefault(layer, {})[field] = layer_value(value)
    return found or None


if __name__ == "__main__":
    run(main, Options)
