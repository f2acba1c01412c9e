"""Draws the first kernels of the network `tiny`, and writes its answer into README.md.

    python docs/tiny_network.py

is run after the weights in alexnet_jax/weights/bundled have been exchanged. The picture carries the
digest of the kernels that it shows, by which a test sees that it is up to date.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
from pages import DOCS, IMAGES, filled

import alexnet_jax
from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.cli.program import main as alexnet_jax_command
from alexnet_jax.inference import Model
from alexnet_jax.training import conv1_kernels

README = DOCS.parent / "README.md"
PICTURE = IMAGES / "tiny_kernels.png"
PHOTOGRAPH = "docs/images/coffee.jpg"


def digest(model: Model) -> str:
    """Return the SHA-256 of conv1's kernels."""
    return params_sha256({"conv1": {"kernel": model.params["conv1"]["kernel"]}})


def draw_kernels(model: Model) -> None:
    """Draw conv1's kernels, each tower's in its own panel."""
    kernel = np.asarray(model.params["conv1"]["kernel"])
    title = "First-layer kernels of the network tiny, trained on Tiny ImageNet"
    figure = conv1_kernels(kernel, model.architecture.towers, title)
    about = {"Description": digest(model)}
    figure.savefig(PICTURE, dpi=120, bbox_inches="tight", pad_inches=0.1, metadata=about)


def answer(model: Model) -> str:
    """Return what `predict` prints about the photograph, and the accuracy of the network."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        alexnet_jax_command(["predict", PHOTOGRAPH, "--quiet"])
    top1, top5 = (f"{100 * float(model.measured[-1][name]):.0f} %" for name in ("top1", "top5"))
    return f"""```text
{printed.getvalue().rstrip()}
```

Where no network is named, `tiny` answers. It comes with the package and knows the 200 classes
of Tiny ImageNet. For {top1} of the validation pictures its first guess is right, for {top5} one of
its first five."""


if __name__ == "__main__":
    network = alexnet_jax.load("tiny")
    draw_kernels(network)
    text = README.read_text(encoding="utf-8")
    README.write_text(filled(text, answer(network)), encoding="utf-8")
