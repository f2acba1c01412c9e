"""A network for other programs: python experiments/export.py WORKDIR --to KIND --out FILE"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from alexnet_jax import cli
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class Options:
    """A file of another kind, read back and compared, and a model card beside it."""

    workdir: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="WORKDIR")]]
    """Directory of a training run, or of imported weights."""
    to: Annotated[str, tyro.conf.arg(metavar="KIND")]
    """safetensors, torchvision, caffe, onnx or stablehlo."""
    out: Annotated[str, tyro.conf.arg(metavar="FILE")]
    """File to write; the card's name is this with .md."""
    checkpoint: Annotated[str, tyro.conf.arg(metavar="best|latest|N")] = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""


def main(options: Options) -> None:
    path = cli.writable("--out", options.out, ())
    if path is None:
        raise InputError("--out needs a file")
    from alexnet_jax.compile_cache import keep_compiled
    from alexnet_jax.inference import load_trained
    from alexnet_jax.weights.export import export
    from alexnet_jax.workdir import MetricsFile

    keep_compiled()
    trained = load_trained(options.workdir, checkpoint=options.checkpoint)
    measured = MetricsFile(Path(options.workdir) / "metrics.jsonl").read()
    for written in export(trained, options.to, path, measured=measured):
        print(f"{written}, {written.stat().st_size:,} bytes")


if __name__ == "__main__":
    cli.run(main, Options)
