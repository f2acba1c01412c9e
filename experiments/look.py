"""Pictures of what a trained network sees: python experiments/look.py WORKDIR [IMAGE...]

Without images, some of the test split. Into --out go

top_five.png      the images with bars of their likeliest classes (the paper's figure 4, left)
attribution.png   the class's probability where a square covers the image, and guided gradients
lrn1.png ...      what each response normalization does to the first image
strongest.png     the parts of test images that maps of --layer answer to most
towers.png        how much each tower contributes where both are read
conv1_kernels.png the first layer's kernels (figure 3)
conv1_learnt.png  the same minus their initial values: what training has added

The network itself, with its two towers (figure 2), is drawn by experiments/communication.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Checkpoint, Positional, TrainingData, Workdir, arg, option
from alexnet_jax.cli.values import directory

if TYPE_CHECKING:
    from alexnet_jax.data import Dataset
    from alexnet_jax.inference import Trained

SHOWN = 8  # images of the test split


@dataclass(frozen=True)
class Options:
    """Pictures of what a trained network sees."""

    workdir: Positional[Workdir]
    """Directory of a training run."""
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]] = ()
    """Files of pictures of any kind; none for images of the test split."""
    out: Annotated[Path | None, option(directory, "DIR", "WORKDIR/look")] = None
    """Directory of the pictures; made if need be."""
    layer: str = "conv5"
    """Whose maps' strongest images are looked for."""
    checkpoint: Checkpoint = "latest"
    """Which checkpoint: the best on the test split, the newest good one, or a step."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets."""


def main(options: Options) -> None:
    from alexnet_jax import data
    from alexnet_jax.analysis import make_peaks, pictures
    from alexnet_jax.inference import load_trained
    from alexnet_jax.runs import require_writable
    from alexnet_jax.runtime import keep_compiled

    out = options.out or options.workdir / "look"
    require_writable(out, "--out")
    keep_compiled()
    trained = load_trained(options.workdir, checkpoint=options.checkpoint)
    make_peaks(trained.architecture, options.layer)  # refuses a layer without maps
    config = trained.config
    dataset = data.load(config.data, str(options.data_dir or config.data_dir))
    stored, labels = _chosen(options, trained, dataset)
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in pictures(trained, dataset.test, stored, labels, options.layer).items():
        draw().savefig(out / f"{name}.png", dpi=130)
        print(out / f"{name}.png", flush=True)


def _chosen(options: Options, trained: Trained, dataset: Dataset) -> tuple[Any, Any]:
    """(stored images [B, S, S, C] uint8, their labels or None)."""
    import numpy as np

    if options.images:
        return trained.read(options.images), None
    rows = np.linspace(0, len(dataset.test) - 1, min(SHOWN, len(dataset.test))).astype(int)
    return np.stack([dataset.test.images[row] for row in rows]), dataset.test.labels[rows]


if __name__ == "__main__":
    run(main, Options)
