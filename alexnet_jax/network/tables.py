"""The networks, layer by layer. Every number says where it comes from."""

from __future__ import annotations

import dataclasses

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import (
    LRN,
    BiasRule,
    Conv,
    Dense,
    Dropout,
    MapNorm,
    MaxPool,
    ViewRule,
)


def paper(*, image_size: int = 227, channels: int = 3, classes: int = 1000) -> Architecture:
    """The network as the paper and the reference text print it.

    Widths, kernels, groups: paper section 3.5, figure 2, with the reference text's 227 pixels.
    ReLU before normalization, and its k, n, alpha, beta: 3.3; pooling 3/2: 3.4; initial values
    (standard deviation .01, bias 1 in conv2, conv4, conv5 and the dense hidden layers, else 0):
    section 5; dropout: 4.2.
    """
    return Architecture(
        name="paper",
        image_size=image_size,
        channels=channels,
        classes=classes,
        layers=(
            Conv("conv1", 96, kernel=11, stride=4),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=1.0),
            LRN("lrn2"),
            MaxPool("pool2"),
            Conv("conv3", 384, kernel=3, padding=1),
            Conv("conv4", 384, kernel=3, padding=1, groups=2, bias=1.0),
            Conv("conv5", 256, kernel=3, padding=1, groups=2, bias=1.0),
            MaxPool("pool5"),
            Dense("fc6", 4096, bias=1.0),
            Dropout("dropout6"),
            Dense("fc7", 4096, bias=1.0),
            Dropout("dropout7"),
            Dense("fc8", classes, activation="linear"),
        ),
    )


def small(*, image_size: int = 28, channels: int = 1, classes: int = 10) -> Architecture:
    """The same topology, narrow, for images of about 28 pixels: two towers, both LRNs,
    overlapping pools, groups and dropout.

    Our own widths. conv1 is 5x5 with stride 1, since small images have no detail to step over.
    Initial values have the standard deviation sqrt(2 / fan-in) (He et al. 2015) and zero biases:
    the paper's .01 leaves layers this narrow blind to their input.
    """
    return Architecture(
        name="small",
        image_size=image_size,
        channels=channels,
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


def source2012(*, image_size: int = 224, channels: int = 3, classes: int = 1000) -> Architecture:
    """Net 145 of the released source, whose logged errors are the paper's.

    What the paper does not say: both normalizations stay within a tower, the first acts on the
    linear conv1 with the ReLU after pool1; alpha is 2e-5 (the config's 1e-4 over size 5); a third
    normalization, within maps, follows; conv3 to conv5 start with standard deviation .03; biases
    learn at twice the rate and do not decay. 224 pixels by its own rule: output sizes round up,
    so conv1 reads zeros beyond the bottom and right edges.

    Source: `layers-145.cfg`, `layer-params-145.cfg`, `layer.py` of the 2012 source.
    """
    return Architecture(
        name="source2012",
        image_size=image_size,
        channels=channels,
        classes=classes,
        biases=BiasRule(rate=2.0, decay=False),
        views=ViewRule(share=32, attenuate=True),
        layers=(
            Conv("conv1", 96, kernel=11, stride=4, activation="linear", overhang=True),
            LRN("lrn1", alpha=2e-5, within_tower=True),
            MaxPool("pool1", activation="relu"),
            Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=1.0),
            LRN("lrn2", alpha=2e-5, within_tower=True),
            MapNorm("mapnorm2"),
            MaxPool("pool2"),
            Conv("conv3", 384, kernel=3, padding=1, std=0.03),
            Conv("conv4", 384, kernel=3, padding=1, groups=2, std=0.03, bias=1.0),
            Conv(
                "conv5", 256, kernel=3, padding=1, groups=2, std=0.03, bias=1.0, activation="linear"
            ),
            MaxPool("pool5", activation="relu"),
            Dense("fc6", 4096, bias=1.0),
            Dropout("dropout6"),
            Dense("fc7", 4096, bias=1.0),
            Dropout("dropout7"),
            Dense("fc8", classes, activation="linear"),
        ),
    )


def with_conv6(found: Architecture) -> Architecture:
    """The network with a sixth convolution over its last pooling layer: 3x3, as many maps as conv5
    and started like it, of which each reads all maps of both towers.

    Source: paper, section 6; `layers-146-2011.cfg` of the 2012 source.
    """
    place = next(i for i, layer in enumerate(found.layers) if layer.name == "pool5") + 1
    fifth = next(layer for layer in found.layers if layer.name == "conv5")
    assert isinstance(fifth, Conv)
    sixth = dataclasses.replace(
        fifth, name="conv6", kernel=3, padding=1, groups=1, activation="relu"
    )
    layers = (*found.layers[:place], sixth, *found.layers[place:])
    return dataclasses.replace(found, name=f"{found.name}+conv6", layers=layers)


def _bvlc(
    name: str, image_size: int, channels: int, classes: int, *, bias: float, pool_first: bool
) -> Architecture:
    """What the two BVLC models share: k=1, alpha 1e-4 over 5, inverted dropout, biases at twice
    the rate without decay, fc6 and fc7 from standard deviation .005."""
    pairs = [(LRN(f"lrn{i}", k=1.0, alpha=2e-5), MaxPool(f"pool{i}")) for i in (1, 2)]
    first, second = (pair[::-1] if pool_first else pair for pair in pairs)
    return Architecture(
        name=name,
        image_size=image_size,
        channels=channels,
        classes=classes,
        biases=BiasRule(rate=2.0, decay=False),
        layers=(
            Conv("conv1", 96, kernel=11, stride=4),
            *first,
            Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=bias),
            *second,
            Conv("conv3", 384, kernel=3, padding=1),
            Conv("conv4", 384, kernel=3, padding=1, groups=2, bias=bias),
            Conv("conv5", 256, kernel=3, padding=1, groups=2, bias=bias),
            MaxPool("pool5"),
            Dense("fc6", 4096, std=0.005, bias=bias),
            Dropout("dropout6", inverted=True),
            Dense("fc7", 4096, std=0.005, bias=bias),
            Dropout("dropout7", inverted=True),
            Dense("fc8", classes, activation="linear"),
        ),
    )


def caffe_alexnet(*, image_size: int = 227, channels: int = 3, classes: int = 1000) -> Architecture:
    """BVLC's bvlc_alexnet: normalization before pooling, biases of .1.

    Source: `models/bvlc_alexnet/train_val.prototxt` of BVLC/caffe.
    """
    return _bvlc("caffe_alexnet", image_size, channels, classes, bias=0.1, pool_first=False)


def caffenet(*, image_size: int = 227, channels: int = 3, classes: int = 1000) -> Architecture:
    """BVLC's bvlc_reference_caffenet: pooling before normalization, biases of 1.

    Source: `models/bvlc_reference_caffenet/train_val.prototxt` of BVLC/caffe.
    """
    return _bvlc("caffenet", image_size, channels, classes, bias=1.0, pool_first=True)


def one_gpu(*, image_size: int = 227, channels: int = 3, classes: int = 1000) -> Architecture:
    """The paper's network on one GPU, which two GPUs beat by 1.7 points (section 3.2).

    Half the kernels of each convolution but the last, which keeps its 256, and the whole dense
    layers; the rest is the preset `paper`'s. Widths: `layers-145-half.cfg` of the 2012 source.
    """
    layers = []
    for layer in paper(image_size=image_size, channels=channels, classes=classes).layers:
        if isinstance(layer, Conv):
            maps = layer.maps if layer.name == "conv5" else layer.maps // 2
            layer = dataclasses.replace(layer, maps=maps, groups=1)
        layers.append(layer)
    return Architecture(
        name="one_gpu",
        image_size=image_size,
        channels=channels,
        classes=classes,
        layers=tuple(layers),
        towers=1,
    )


def owt(*, image_size: int = 224, channels: int = 3, classes: int = 1000) -> Architecture:
    """The single-tower network of "One weird trick" (Krizhevsky 2014) as torchvision ships it: no
    normalization, no groups, inverted dropout before fc6 and fc7, PyTorch's initial values.

    Source: `torchvision/models/alexnet.py`.
    """
    return Architecture(
        name="owt",
        image_size=image_size,
        channels=channels,
        classes=classes,
        towers=1,
        layers=(
            Conv("conv1", 64, kernel=11, stride=4, padding=2, init="torch"),
            MaxPool("pool1"),
            Conv("conv2", 192, kernel=5, padding=2, init="torch"),
            MaxPool("pool2"),
            Conv("conv3", 384, kernel=3, padding=1, init="torch"),
            Conv("conv4", 256, kernel=3, padding=1, init="torch"),
            Conv("conv5", 256, kernel=3, padding=1, init="torch"),
            MaxPool("pool5"),
            Dropout("dropout6", inverted=True),
            Dense("fc6", 4096, init="torch"),
            Dropout("dropout7", inverted=True),
            Dense("fc7", 4096, init="torch"),
            Dense("fc8", classes, activation="linear", init="torch"),
        ),
    )
