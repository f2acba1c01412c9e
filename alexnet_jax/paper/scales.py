"""Plain runs that the claims' variants are changes of, one for each scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from alexnet_jax.runs import TrainConfig

Scale = Literal["quick", "cifar", "full"]

# (fan-in in the paper's network, fan-in in `small` for images of 28 pixels and 3 channels)
FAN_INS = {
    "conv1": (363, 75),
    "conv2": (1200, 400),
    "conv3": (2304, 576),
    "conv4": (1728, 432),
    "conv5": (1728, 432),
    "conv6": (2304, 576),
    "fc6": (9216, 256),
    "fc7": (4096, 256),
    "fc8": (4096, 256),
}
SOURCE_STDS = {
    **dict.fromkeys(("conv1", "conv2"), 0.01),
    **dict.fromkeys(("conv3", "conv4", "conv5"), 0.03),
    **dict.fromkeys(("fc6", "fc7", "fc8"), 0.01),
}
ONES = ("conv2", "conv4", "conv5", "fc6", "fc7")  # layers whose biases begin with 1


def narrow_stds(stds: Mapping[str, float]) -> dict[str, float]:
    """Carry standard deviations of initial weights over from the paper's layers to `small`.

        std_here = std_there sqrt(fan_in_there / fan_in_here)

    The sum of a unit's weighted inputs then spreads as in the paper's network. Four digits.
    """
    ratios = {name: there / here for name, (there, here) in FAN_INS.items()}
    return {name: float(f"{std * ratios[name] ** 0.5:.4g}") for name, std in stds.items()}


def _narrow_layers() -> dict[str, dict[str, object]]:
    layers: dict[str, dict[str, object]] = {
        name: {"std": std} for name, std in narrow_stds(SOURCE_STDS).items()
    }
    for name in ONES:
        layers[name]["bias"] = 1.0
    return layers


CIFAR_EPOCH = 50_000 / 64  # updates in an epoch of CIFAR-10
CIFAR = TrainConfig(
    name="paper_cifar",
    data="cifar10",
    preset="small",
    image_size=28,
    layers=_narrow_layers(),
    steps=round(20 * CIFAR_EPOCH),
    batch=64,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(15.0, 18.0),
    log_every=10,
    evaluate_every=round(4 * CIFAR_EPOCH),
    checkpoint_every=round(4 * CIFAR_EPOCH),
    keep_checkpoints=1,
)

# A check that everything runs, on data that come with the libraries.
QUICK_STEPS = 4
QUICK = dataclasses.replace(
    CIFAR,
    name="paper_quick",
    data="thumbnails",
    steps=QUICK_STEPS,
    log_every=1,
    evaluate_every=QUICK_STEPS,
    checkpoint_every=QUICK_STEPS,
)

FULL_EPOCH = 1_281_167 / 128  # updates in an epoch of ImageNet 2012
FULL = TrainConfig(
    name="paper_full",
    data="imagenet2012",
    preset="source2012",
    steps=round(91 * FULL_EPOCH),
    batch=128,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(25.0, 51.0, 79.0),
    log_every=100,
    evaluate_every=round(FULL_EPOCH),
    checkpoint_every=2000,
)

SCALES: dict[Scale, TrainConfig] = {"quick": QUICK, "cifar": CIFAR, "full": FULL}
SEEDS: dict[Scale, int] = {"quick": 2, "cifar": 5, "full": 5}
