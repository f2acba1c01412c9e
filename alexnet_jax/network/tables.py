"""Tables of layers of the presets, each with the sources of its numbers."""

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


def paper(*, classes: int = 1000) -> Architecture:
    """Return the network as it is printed in the paper and the reference text.

    Widths, kernels, groups: paper section 3.5, figure 2, with the reference text's 227 pixels.
    ReLU before normalization, and its k, n, alpha, beta: 3.3; pooling 3/2: 3.4; initial values
    (standard deviation .01, bias 1 in conv2, conv4, conv5 and the dense hidden layers, else 0):
    section 5; dropout: 4.2.
    """
    return Architecture(
        name="paper",
        image_size=227,
        channels=3,
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


def source2012(*, classes: int = 1000) -> Architecture:
    """Return net 145 of the released source, whose logged errors are those of the paper.

    It differs from the paper's description: both normalizations stay within a tower, and the first
    acts on conv1 without ReLU, which follows pool1; alpha is 2e-5 (the config's 1e-4 divided by
    size 5); a third normalization, within maps, follows the second; conv3 to conv5 start with
    standard deviation .03; biases learn at twice the rate and do not decay. Images have 224 pixels
    and output sizes are rounded up, so that conv1 reads zeros beyond the bottom and right edges.

    Source: `layers-145.cfg`, `layer-params-145.cfg`, `layer.py` of the 2012 source.
    """
    return Architecture(
        name="source2012",
        image_size=224,
        channels=3,
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


def with_conv6(network: Architecture) -> Architecture:
    """Return the network with a sixth convolution after its last pooling layer.

    conv6 is 3x3, with as many maps as conv5 and the same initial values; each map reads all maps of
    both towers.

    Source: paper, section 6; `layers-146-2011.cfg` of the 2012 source.
    """
    position = next(i for i, layer in enumerate(network.layers) if layer.name == "pool5") + 1
    fifth = next(layer for layer in network.layers if layer.name == "conv5")
    assert isinstance(fifth, Conv)
    sixth = dataclasses.replace(
        fifth, name="conv6", kernel=3, padding=1, groups=1, activation="relu"
    )
    layers = (*network.layers[:position], sixth, *network.layers[position:])
    return dataclasses.replace(network, name=f"{network.name}+conv6", layers=layers)


def _bvlc(name: str, classes: int, *, bias: float, pool_first: bool) -> Architecture:
    """Return one of the two BVLC models, which differ in `bias` and the order of LRN and pooling.

    Both have k=1, alpha = 1e-4 / 5, inverted dropout and a standard deviation of .005 in fc6 and
    fc7; their biases learn at twice the rate and do not decay.
    """
    pairs = [(LRN(f"lrn{i}", k=1.0, alpha=2e-5), MaxPool(f"pool{i}")) for i in (1, 2)]
    first, second = (pair[::-1] if pool_first else pair for pair in pairs)
    return Architecture(
        name=name,
        image_size=227,
        channels=3,
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


def caffe_alexnet(*, classes: int = 1000) -> Architecture:
    """Return BVLC's bvlc_alexnet: normalization before pooling, biases of .1.

    Source: `models/bvlc_alexnet/train_val.prototxt` of BVLC/caffe.
    """
    return _bvlc("caffe_alexnet", classes, bias=0.1, pool_first=False)


def caffenet(*, classes: int = 1000) -> Architecture:
    """Return BVLC's bvlc_reference_caffenet: pooling before normalization, biases of 1.

    Source: `models/bvlc_reference_caffenet/train_val.prototxt` of BVLC/caffe.
    """
    return _bvlc("caffenet", classes, bias=1.0, pool_first=True)


def one_gpu(*, classes: int = 1000) -> Architecture:
    """Return the paper's network for one GPU, whose error is 1.7 points higher (section 3.2).

    Each convolution has half its kernels, except the last, which keeps its 256; dense layers are
    whole. All else is as in the preset `paper`. Widths: `layers-145-half.cfg` of the 2012 source.
    """
    layers = []
    for layer in paper(classes=classes).layers:
        if isinstance(layer, Conv):
            maps = layer.maps if layer.name == "conv5" else layer.maps // 2
            layer = dataclasses.replace(layer, maps=maps, groups=1)
        layers.append(layer)
    return Architecture(
        name="one_gpu",
        image_size=227,
        channels=3,
        classes=classes,
        layers=tuple(layers),
        towers=1,
    )


def owt(*, classes: int = 1000) -> Architecture:
    """Return the network of "One weird trick" (Krizhevsky 2014) in torchvision's version.

    It has one tower, no normalization, no groups, inverted dropout before fc6 and fc7, and
    PyTorch's initial values.

    Source: `torchvision/models/alexnet.py`.
    """
    return Architecture(
        name="owt",
        image_size=224,
        channels=3,
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
