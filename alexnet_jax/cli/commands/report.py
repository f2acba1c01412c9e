"""Write one HTML page about trainings, to send to somebody.

The page shows curves with the drops of the rate, settings beside the defaults, versions, device and
time, kernels and how they changed, norms by layer, what crosses between the towers, a picture
through the layers, confusions, accuracy by class, and the most confident mistakes; several runs
are side by side. What a run does not have, the page says in a sentence.

It contains pictures of the data set: --no-pictures leaves them out. It needs no network and holds
no script, in a browser, on a phone and on paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Checkpoint,
    Directory,
    Positional,
    Quiet,
    TrainingData,
    arg,
    option,
)
from alexnet_jax.cli.values import writable
from alexnet_jax.errors import InputError

NAME = "report.html"


@dataclass(frozen=True)
class Options:
    """Write one HTML page about a training, or about up to six side by side."""

    workdirs: Positional[
        Annotated[
            tuple[Directory, ...], arg(metavar="WORKDIR...", help_behavior_hint="(one to six)")
        ]
    ]
    """Directories of training runs."""
    out: Annotated[
        Path | None, option(writable, "FILE", f"WORKDIR/{NAME}, of several runs {NAME}")
    ] = None
    """File of the page."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets."""
    pictures: bool = True
    """Show pictures of the data set, which everyone who has the page can then see."""
    open: bool = False
    """Open the page in a browser."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    import webbrowser

    # Before the test split is classified, so that it is told at once if one is missing.
    import jinja2  # noqa: F401
    import matplotlib  # noqa: F401

    from alexnet_jax.display import waiting
    from alexnet_jax.reporting import RUNS, gather, page
    from alexnet_jax.runs import require_writable, write_atomically
    from alexnet_jax.runtime import enable_compile_cache

    if not options.workdirs:
        raise InputError("give the WORKDIR of at least one training")
    if len(options.workdirs) > RUNS:
        raise InputError(f"a page shows up to {RUNS} runs, got {len(options.workdirs)}")
    out = options.out or (options.workdirs[0] / NAME if len(options.workdirs) == 1 else Path(NAME))
    require_writable(out.parent, "--out: directory")
    enable_compile_cache()
    data_dir = None if options.data_dir is None else str(options.data_dir)
    runs = gather(options.workdirs, checkpoint=options.checkpoint, data_dir=data_dir)
    with waiting("drawing the page"):
        text = page(runs, pictures=options.pictures)
    write_atomically(out, text)
    print(out, flush=True)
    if options.open and not webbrowser.open(out.absolute().as_uri()):
        raise InputError(f"no browser was found; open {out} yourself")


command = partial(run, main, Options)
