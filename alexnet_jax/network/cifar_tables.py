"""Tables of layers of the networks that came with cuda-convnet for CIFAR-10, with their sources.

Images are 32x32 in colour, minus the mean image, in units of 0 to 255; the last two networks see
crops of 24x24. Output sizes of pools are rounded up, average pooling divides by the pixels inside
the map, biases learn at twice the rate of the weights and do not decay. The networks have one
tower. A network's number is its test error in percent as its author logged it.

The paper's figure 1 and section 3.3 speak of "four-layer" networks on CIFAR-10; in all likelihood
these are meant.

Source: `example-layers/layers-*.cfg` and `layer-params-*.cfg` of cuda-convnet.
"""

from __future__ import annotations

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import (
    LRN,
    AveragePool,
    BiasRule,
    Conv,
    Dense,
    Layer,
    Local,
    MapNorm,
    MaxPool,
)


def cifar_80sec(*, classes: int = 10) -> Architecture:
    """Return the network that reached 26 % in 80 seconds; it has a hidden dense layer of 64."""
    dense = (Dense("fc4", 64, std=0.1), _classifier("fc5", classes, std=0.1))
    return _cifar("cifar_80sec", classes, (*_convolutions(), *dense))


def cifar_19pct(*, classes: int = 10) -> Architecture:
    """Return the network that reached 19 % in 20 minutes."""
    return _cifar("cifar_19pct", classes, (*_convolutions(), _classifier("fc4", classes)))


def cifar_18pct(*, classes: int = 10) -> Architecture:
    """Return `cifar_19pct` with normalization within maps after the first two pooling layers.

    Windows are 3x3, and alpha is the config's 5e-5 divided by their 9 places.
    """
    norms = {f"pool{i}": MapNorm(f"mapnorm{i}", size=3, alpha=5e-5 / 9) for i in (1, 2)}
    layers: list[Layer] = []
    for layer in cifar_19pct(classes=classes).layers:
        layers += [layer, *([norms[layer.name]] if layer.name in norms else [])]
    return _cifar("cifar_18pct", classes, tuple(layers))


def cifar_13pct(*, classes: int = 10) -> Architecture:
    """Return the network of 13 %: two convolutions and two locally connected layers."""
    return _cifar(
        "cifar_13pct",
        classes,
        (
            Conv("conv1", 64, kernel=5, padding=2, std=1e-4),
            MaxPool("pool1", overhang=True),
            Conv("conv2", 64, kernel=5, padding=2),
            MaxPool("pool2", overhang=True),
            Local("local3", 32, kernel=3, padding=1, std=0.04),
            Local("local4", 32, kernel=3, padding=1, std=0.04),
            _classifier("fc5", classes),
        ),
        image_size=24,
    )


def cifar_11pct(*, classes: int = 10) -> Architecture:
    """Return the network of 11 %: that of 13 % with normalization and twice the maps in local3.

    Normalization runs over 9 maps, after the first pooling layer and before the second, and alpha
    is the config's .001 divided by 9.
    """
    return _cifar(
        "cifar_11pct",
        classes,
        (
            Conv("conv1", 64, kernel=5, padding=2, std=1e-4),
            MaxPool("pool1", overhang=True),
            LRN("lrn1", n=9, k=1.0, alpha=0.001 / 9),
            Conv("conv2", 64, kernel=5, padding=2),
            LRN("lrn2", n=9, k=1.0, alpha=0.001 / 9),
            MaxPool("pool2", overhang=True),
            Local("local3", 64, kernel=3, padding=1, std=0.04),
            Local("local4", 32, kernel=3, padding=1, std=0.04),
            _classifier("fc5", classes),
        ),
        image_size=24,
    )


def _convolutions() -> tuple[Layer, ...]:
    """Return the three convolutions with pooling that the first three networks share."""
    return (
        Conv("conv1", 32, kernel=5, padding=2, activation="linear", std=1e-4),
        MaxPool("pool1", activation="relu", overhang=True),
        Conv("conv2", 32, kernel=5, padding=2),
        AveragePool("pool2", overhang=True),
        Conv("conv3", 64, kernel=5, padding=2),
        AveragePool("pool3", overhang=True),
    )


def _classifier(name: str, classes: int, std: float = 0.01) -> Dense:
    return Dense(name, classes, activation="linear", std=std)


def _cifar(
    name: str, classes: int, layers: tuple[Layer, ...], image_size: int = 32
) -> Architecture:
    return Architecture(
        name=name,
        image_size=image_size,
        channels=3,
        classes=classes,
        layers=layers,
        towers=1,
        biases=BiasRule(rate=2.0, decay=False),
    )
