"""A network for other programs: python experiments/export.py WORKDIR --to KIND --out FILE"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Positional, arg
from alexnet_jax.cli.values import writable
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class Options:
    """A file of another kind, read back and compared, and a model card beside it."""

    workdir: Positional[Annotated[str, arg(metavar="WORKDIR")]]
    """Directory of a training run, or of imported weights."""
    to: Annotated[str, arg(metavar="KIND")]
    """safetensors, torchvision, caffe, onnx or stablehlo."""
    out: Annotated[str, arg(metavar="FILE")]
    """File to write; the card's name is this with .md."""
    checkpoint: Annotated[str, arg(metavar="best|latest|N")] = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""


def main(options: Options) -> None:
    path = writable("--out", options.out, ())
    if path is None:
        raise InputError("--out needs a file")
    from alexnet_jax.inference import load_trained
    from alexnet_jax.runs import MetricsFile
    from alexnet_jax.runtime import keep_compiled
    from alexnet_jax.weights import export

    keep_compiled()
    trained = load_trained(options.workdir, checkpoint=options.checkpoint)
    measured = MetricsFile(Path(options.workdir) / "metrics.jsonl").read()
    for written in export(trained, options.to, path, measured=measured):
        print(f"{written}, {written.stat().st_size:,} bytes")


if __name__ == "__main__":
    run(main, Options)
