"""Draw what a trained network has learnt.

Without images, those of the test split are used. With images no data set is read, and
strongest.png, which needs many images, is left out. The files written to --out:

top_five.png      images with bars of their most probable classes (the paper's figure 4, left)
attribution.png   probability of the class while a square covers the image, and guided gradients
lrn1.png ...      effect of each response normalization on the first image
strongest.png     parts of test images to which maps of --layer respond most
towers.png        contribution of each tower to the layers that read both
conv1_kernels.png kernels of the first layer (figure 3)
conv1_learnt.png  the same kernels minus their initial values

`communication --picture` draws the network itself, with its two towers (figure 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Checkpoint,
    Network,
    Positional,
    Quiet,
    TrainingData,
    arg,
    option,
)
from alexnet_jax.cli.values import directory
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.data import Split
    from alexnet_jax.inference import Trained

SHOWN = 8  # images of the test split


@dataclass(frozen=True)
class Options:
    """Draw pictures of what a trained network has learnt."""

    network: Positional[Network]
    """Directory of a training run, file of weights, or a name: tiny, or of published weights."""
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]] = ()
    """Files of pictures; none: images of the test split."""
    out: Annotated[Path | None, option(directory, "DIR", "NETWORK/look, or look")] = None
    """Directory of the pictures; created if it does not exist."""
    layer: str = "conv5"
    """Layer whose maps are shown in strongest.png."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets, read where no IMAGE is given."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    from alexnet_jax.analysis import make_peaks, picture_functions
    from alexnet_jax.display import waiting
    from alexnet_jax.runs import require_writable
    from alexnet_jax.runtime import enable_compile_cache
    from alexnet_jax.weights import trained_network

    out = options.out or (options.network / "look" if options.network.is_dir() else Path("look"))
    require_writable(out, "--out")
    enable_compile_cache()
    trained = trained_network(options.network, checkpoint=options.checkpoint)
    make_peaks(trained.architecture, options.layer)  # raises for a layer without maps
    test = None if options.images else _test_split(trained, options.data_dir)
    stored, labels = (trained.read(options.images), None) if test is None else _spread(test)
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in picture_functions(trained, test, stored, labels, options.layer).items():
        with waiting(f"drawing {name}"):
            draw().savefig(out / f"{name}.png", dpi=130)
        print(out / f"{name}.png", flush=True)


def _test_split(trained: Trained, data_dir: Path | None) -> Split:
    """Return the test split of the data set that the network was trained on.

    Raises:
      InputError: the data set cannot be used.
    """
    from alexnet_jax import data

    config = trained.config
    try:
        return data.load(config.data, str(data_dir or config.data_dir)).test
    except InputError as error:
        raise InputError(f"{error}; with IMAGE... no data set is needed") from error


def _spread(test: Split) -> tuple[Any, Any]:
    """Return images from all over a split, [B, S, S, C] uint8, and their labels."""
    import numpy as np

    rows = np.linspace(0, len(test) - 1, min(SHOWN, len(test))).astype(int)
    return np.stack([test.images[row] for row in rows]), test.labels[rows]


command = partial(run, main, Options)
