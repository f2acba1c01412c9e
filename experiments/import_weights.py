"""Weights of other projects: python experiments/import_weights.py KIND FILE --workdir DIR

KIND is torchvision (.pth), caffe (.caffemodel), onnx, npy (bvlc_alexnet.npy) or safetensors. The
workdir is for evaluate.py, predict.py and export.py, and to start a training from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, UseAppendAction, arg
from alexnet_jax.cli.values import number
from alexnet_jax.errors import InputError
from alexnet_jax.runs import layer_value

Changes = Annotated[tuple[str, ...], arg(metavar="LAYER.FIELD=VALUE")]


@dataclass(frozen=True)
class Options:
    """A workdir out of a file of weights, with the preprocessing that belongs to it."""

    kind: Positional[Annotated[str, arg(metavar="KIND")]]
    """torchvision, caffe, onnx, npy or safetensors."""
    file: Positional[Annotated[str, arg(metavar="FILE")]]
    """The file of weights."""
    workdir: Annotated[str, arg(metavar="DIR")]
    """Directory to make."""
    mean: Annotated[str, arg(metavar="FILE|B,G,R")] = "as published"
    """For caffe and npy: the mean image (.binaryproto or .npy), or a pixel: blue, green, red."""
    classes: Annotated[str, arg(metavar="FILE")] = "numbered"
    """Text file with the name of a class on each line, in the order of the outputs."""
    data: Annotated[str, arg(metavar="NAME")] = "imagenet2012, or what the file says"
    """Data set for evaluate.py to test on."""
    set: UseAppendAction[tuple[Changes, ...]] = ()
    """Changes to the preset's layers, as conv1.maps=32, for a network of other widths."""


def main(options: Options) -> None:
    if not options.workdir:
        raise InputError("--workdir is empty; give a directory")
    from alexnet_jax.weights import load, require_free, save_workdir

    require_free(Path(options.workdir))
    weights = load(
        options.kind,
        options.file,
        mean=None if options.mean == "as published" else mean(options.mean),
        class_names=None if options.classes == "numbered" else names(Path(options.classes)),
        layers=layers(options),
    )
    data = None if options.data.startswith("imagenet2012, or") else options.data
    save_workdir(weights, Path(options.workdir), data=data)
    print(f"{options.workdir}: {weights.architecture.name} of {weights.file}")
    print(f"sha256 {weights.sha256}")
    if weights.published is not None:
        known = "of this file" if weights.is_published else "if this is the published file"
        found = weights.published
        print(f"published {known}: top1 {found.top1:g} %, top5 {found.top5:g} % ({found.source})")


def mean(text: str) -> str | list[float]:
    """A mean pixel as numbers, or the path of a file."""
    parts = text.split(",")
    if len(parts) == 1:
        return text
    return [number("--mean", part) for part in parts]


def names(path: Path) -> list[str]:
    """The lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None


def layers(options: Options) -> dict[str, dict[str, object]] | None:
    """What --set changes, by layer."""
    found: dict[str, dict[str, object]] = {}
    for change in (change for several in options.set for change in several):
        name, equals, value = change.partition("=")
        layer, dot, field = name.partition(".")
        if not equals or not dot:
            raise InputError(f"--set takes LAYER.FIELD=VALUE, got {change!r}")
        found.setdefault(layer, {})[field] = layer_value(value)
    return found or None


if __name__ == "__main__":
    run(main, Options)
