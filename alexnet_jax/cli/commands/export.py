"""Export a network to other programs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Checkpoint, Network, NewFile, Positional, Quiet, words

Kind = Literal["safetensors", "torchvision", "caffe", "onnx", "stablehlo"]
Float = Literal["float32", "float16"]


@dataclass(frozen=True)
class Options:
    """Write a network as a file of another kind, with a model card; read back and compare it."""

    network: Positional[Network]
    """Directory of a training run, file of weights, or a name: tiny, or of published weights."""
    to: Annotated[Kind, words(Kind)]
    """Kind of file."""
    out: NewFile
    """File to write; the model card is FILE.md."""
    dtype: Annotated[Float, words(Float)] = "float32"
    """Type of the parameters in a safetensors file; float16 halves it."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    from alexnet_jax.display import waiting
    from alexnet_jax.runs import MetricsFile
    from alexnet_jax.runtime import cleaned_up_at_sigterm, enable_compile_cache
    from alexnet_jax.weights import export, trained_network

    enable_compile_cache()
    trained = trained_network(options.network, checkpoint=options.checkpoint)
    measured = MetricsFile(options.network / "metrics.jsonl").read()
    with waiting(f"writing {options.out}"), cleaned_up_at_sigterm():
        files = export(trained, options.to, options.out, measured=measured, dtype=options.dtype)
    for file in files:
        print(f"{file}, {file.stat().st_size:,} bytes")


command = partial(run, main, Options)
