"""Trainings on Tiny ImageNet: a small AlexNet, and what its parts are worth there."""

from __future__ import annotations

from functools import partial

from alexnet_jax.data import logistic_regression, nearest_neighbour, pixels
from alexnet_jax.network import Conv, PresetName, architecture
from alexnet_jax.paper.catalogue import dropout, lrn
from alexnet_jax.paper.trainings.kernel_colour import colour_section
from alexnet_jax.paper.trainings.table import MEASURES, Baseline, Table, Training

EPOCH = 782  # updates, of 100,000 images in batches of 128
SHORT_EPOCHS = 10  # of all trainings but the first
PRESET: PresetName = "tiny"


def one_tower(preset: PresetName) -> dict[str, str]:
    """Return changes that make one tower, with no more parameters, of a preset's two.

    Every convolution reads all maps of the layer below, which takes more weights than to read
    half of them. All convolutions but the last, whose maps the dense layers read, therefore keep a
    share of their maps, an even number of each: the largest share, in hundredths, with which the
    network has at most as many parameters as with two towers.
    """
    two = architecture(preset)
    *hidden, _ = (layer for layer in two.layers if isinstance(layer, Conv))
    joined = {layer.name: {"groups": 1} for layer in two.layers if getattr(layer, "groups", 1) > 1}
    for share in range(100, 0, -1):
        layers = {name: dict[str, object](fields) for name, fields in joined.items()}
        for layer in hidden:
            layers.setdefault(layer.name, {})["maps"] = 2 * round(share * layer.maps / 200)
        one = architecture(preset, layers=layers)
        if sum(p.parameters for p in one.placed()) <= sum(p.parameters for p in two.placed()):
            break
    return {
        f"layers.{name}.{field}": str(value)
        for name, fields in layers.items()
        for field, value in fields.items()
    }


def _short(
    name: str, says: str, changes: dict[str, str], seeds: tuple[int, ...] = (0, 1, 2)
) -> Training:
    """Return a short training with changes to the network."""
    steps = {"steps": str(SHORT_EPOCHS * EPOCH)}
    return Training(name, "tiny_imagenet", says, "", steps | changes, seeds, views=(1, 10))


_FIVE = (0, 1, 2, 3, 4)
_WITHIN = {f"layers.{name}.within_tower": "true" for name in ("lrn1", "lrn2")}
# The colours of 64x64 pixels of the training split would take 4.9 GB.
_PIXELS = partial(pixels, largest_side=32)

TINY_IMAGENET = Table(
    name="tiny_imagenet",
    title="Tiny ImageNet",
    measures=tuple(MEASURES),
    trainings=(
        Training("tiny", "tiny_imagenet", "all epochs", seeds=(0,), views=(1, 10)),
        _short("short", f"{SHORT_EPOCHS} epochs", {}, _FIVE),
        _short("within_towers", "normalized within each tower", _WITHIN, _FIVE),
        _short("no_dropout", "without dropout", dropout.OFF),
        _short("no_normalization", "without normalization", lrn.OFF),
        _short("one_tower", "one tower, as many parameters", one_tower(PRESET)),
    ),
    baselines=(
        Baseline(
            "nearest",
            "nearest neighbour, pixels averaged over 2x2",
            partial(nearest_neighbour, features=_PIXELS),
        ),
        Baseline(
            "logistic",
            "logistic regression, standardized pixels averaged over 2x2",
            lambda dataset: logistic_regression(dataset, features=_PIXELS).accuracy,
        ),
    ),
    base="short",
    ablations=("within_towers", "no_dropout", "no_normalization", "one_tower"),
    sections=(
        colour_section(("tiny", "short", "within_towers"), compared=("short", "within_towers")),
    ),
)
