"""A small network in which everything crosses between devices that can."""

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import LRN, Conv, Dense, Dropout, MaxPool

# Settings of a run for views as they are stored, which have less to compile.
PLAIN_VIEWS = {"random_crop": False, "mirror": False, "colour_noise": 0.0}


def short(classes: int = 10) -> Architecture:
    """Halos, maps and units that are gathered, and logits, in a program that is soon compiled."""
    return Architecture(
        name="short",
        image_size=12,
        channels=1,
        classes=classes,
        layers=(
            Conv("conv1", 8, kernel=3),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 12, kernel=3, padding=1, groups=2),
            Conv("conv3", 16, kernel=3, padding=1),
            Dense("fc4", 24),
            Dropout("dropout4"),
            Dense("fc5", 16),
            Dense("fc6", classes, activation="linear"),
        ),
    )
