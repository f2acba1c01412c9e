"""Tables of layers of the presets for small pictures, in the form of the paper's network."""

from __future__ import annotations

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import LRN, Conv, Dense, Dropout, MaxPool


def small(*, classes: int = 10) -> Architecture:
    """Return a narrow version of the paper's network, for images of about 28 pixels.

    It keeps the two towers, both LRNs, overlapping pooling, groups and dropout; the widths are our
    own. conv1 is 5x5 with stride 1, since small images have no detail to skip. Weights start with
    the standard deviation sqrt(2 / fan-in) (He et al. 2015) and biases with 0: with the paper's
    .01, the outputs of layers this narrow hardly depend on their input.
    """
    return Architecture(
        name="small",
        image_size=28,
        channels=1,
        classes=classes,
        layers=(
            Conv("conv1", 32, kernel=5, std=None),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 64, kernel=5, padding=2, groups=2, std=None),
            LRN("lrn2"),
            MaxPool("pool2"),
            Conv("conv3", 96, kernel=3, padding=1, std=None),
            Conv("conv4", 96, kernel=3, padding=1, groups=2, std=None),
            Conv("conv5", 64, kernel=3, padding=1, groups=2, std=None),
            MaxPool("pool5"),
            Dense("fc6", 256, std=None),
            Dropout("dropout6"),
            Dense("fc7", 256, std=None),
            Dropout("dropout7"),
            Dense("fc8", classes, activation="linear", std=None),
        ),
    )


def tiny(*, classes: int = 200) -> Architecture:
    """Return the paper's network for pictures of 64 pixels, of which it sees 56.

    It has the layers of `paper`: two towers, normalizations, overlapping pooling and dropout. The
    first kernels have 9x9 pixels at a stride of 2, since a picture has a quarter of the pixels
    along each side; the widths are our own, for 3.3 million parameters. Dropout keeps three
    quarters of the units, of which there are a quarter of the paper's. The first and the last layer
    start with the paper's standard deviation, .01, for pixels from -128 to 128; the others, and the
    biases, as those of `small`.
    """
    return Architecture(
        name="tiny",
        image_size=56,
        channels=3,
        classes=classes,
        layers=(
            Conv("conv1", 64, kernel=9, stride=2),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 128, kernel=5, padding=2, groups=2, std=None),
            LRN("lrn2"),
            MaxPool("pool2"),
            Conv("conv3", 256, kernel=3, padding=1, std=None),
            Conv("conv4", 256, kernel=3, padding=1, groups=2, std=None),
            Conv("conv5", 256, kernel=3, padding=1, groups=2, std=None),
            MaxPool("pool5"),
            Dense("fc6", 1024, std=None),
            Dropout("dropout6", keep=0.75),
            Dense("fc7", 1024, std=None),
            Dropout("dropout7", keep=0.75),
            Dense("fc8", classes, activation="linear"),
        ),
    )
