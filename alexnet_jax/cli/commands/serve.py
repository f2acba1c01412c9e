"""Serve a page with a trained network in it, on this machine alone.

The page takes a photograph, or a test image of the run's data set, and shows the five likeliest
classes, the maps of every layer with the towers apart, the effect of a tower or of the response
normalizations being left out, and what of the picture mattered. Ctrl-C ends it.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Checkpoint, Network, Positional, Quiet, TrainingData, option
from alexnet_jax.cli.values import whole
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.inference import Trained
    from alexnet_jax.serving import Examiner, Sample

PORT = 8012


@dataclass(frozen=True)
class Options:
    """Serve a page on 127.0.0.1 with a trained network in it."""

    network: Positional[Network] = Path("tiny")
    """Directory of a training run, file of weights, or a name: tiny, or of published weights."""
    port: Annotated[int, option(partial(whole, low=0, high=65535), "N")] = PORT
    """Port of the page; 0 takes any that is free."""
    open: bool = False
    """Open the page in a browser."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets, for the samples."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    import starlette  # noqa: F401  # missing libraries are told before anything is loaded
    import uvicorn  # noqa: F401

    from alexnet_jax.runtime import enable_compile_cache
    from alexnet_jax.serving import Examiner, listen, make_app, serve
    from alexnet_jax.weights import trained_network

    with listen(options.port) as listener:
        enable_compile_cache()
        trained = trained_network(options.network, checkpoint=options.checkpoint)
        examiner = Examiner(trained)
        samples = _samples(trained, options)
        _compile(examiner)
        serve(make_app(examiner, samples), listener, partial(_ready, opened=options.open))
    print("stopped")


def _samples(trained: Trained, options: Options) -> tuple[Sample, ...]:
    """Return test images of the run's data set; none, and a note, where it is not here."""
    from alexnet_jax.serving import samples_of

    try:
        return samples_of(trained, str(options.data_dir or ""))
    except (InputError, ModuleNotFoundError) as error:
        print(f"note: the page has no samples: {error}", file=sys.stderr)
        return ()


def _compile(examiner: Examiner) -> None:
    """Compile all programs, so that no request waits for one."""
    from alexnet_jax.display import remark

    began, programs = time.perf_counter(), examiner.programs()
    remark(f"compiling {len(programs)} programs ...", sys.stderr)
    for program in programs:
        program()
    remark(f"compiled in {time.perf_counter() - began:.1f} s", sys.stderr)


def _ready(address: str, *, opened: bool) -> None:
    print(f"{address}  (Ctrl-C ends it)", flush=True)
    if opened:  # in a thread, since a browser of the terminal returns when it is closed
        threading.Thread(target=open_page, args=(address,), daemon=True).start()


def open_page(address: str) -> None:
    """Open the page in a browser, or say on standard error that there is none."""
    import webbrowser

    if not webbrowser.open(address):
        print("note: no browser was found; open the address yourself", file=sys.stderr)


command = partial(run, main, Options)
