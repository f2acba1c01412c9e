"""The other networks in float64 NumPy, from their own sources' descriptions."""

from typing import Any

import numpy as np

from helpers import reference
from helpers.reference_net import Network, alexnet

Array = np.ndarray
Masks = tuple[Array, Array] | None


def source2012(params: Any, images: Any, masks: Masks = None) -> Network:
    """layers-145.cfg: three zero rows and columns at the bottom and right make 224 a 227."""
    net = Network(params)
    x = np.pad(reference.float64(images), ((0, 0), (0, 3), (0, 3), (0, 0)))
    x = net.conv("conv1", x, stride=4, relu=False)
    x = net.lrn("lrn1", x, towers=True, alpha=2e-5)
    x = net.pool("pool1", x, relu=True)
    x = net.conv("conv2", x, padding=2)
    x = net.map_norm("mapnorm2", net.lrn("lrn2", x, towers=True, alpha=2e-5))
    x = net.conv("conv3", net.pool("pool2", x), padding=1)
    x = net.conv("conv4", x, padding=1)
    x = net.conv("conv5", x, padding=1, relu=False)
    return _head(net, net.pool("pool5", x, relu=True), masks, net.dropout)


def caffe_alexnet(params: Any, images: Any, masks: Masks = None) -> Network:
    """bvlc_alexnet: normalization, then pooling."""
    net = Network(params)
    x = net.conv("conv1", reference.float64(images), stride=4)
    x = net.pool("pool1", net.lrn("lrn1", x, k=1.0, alpha=1e-4 / 5))
    x = net.conv("conv2", x, padding=2)
    x = net.pool("pool2", net.lrn("lrn2", x, k=1.0, alpha=1e-4 / 5))
    return _caffe_rest(net, x, masks)


def caffenet(params: Any, images: Any, masks: Masks = None) -> Network:
    """bvlc_reference_caffenet: pooling, then normalization."""
    net = Network(params)
    x = net.conv("conv1", reference.float64(images), stride=4)
    x = net.lrn("lrn1", net.pool("pool1", x), k=1.0, alpha=1e-4 / 5)
    x = net.conv("conv2", x, padding=2)
    x = net.lrn("lrn2", net.pool("pool2", x), k=1.0, alpha=1e-4 / 5)
    return _caffe_rest(net, x, masks)


def _caffe_rest(net: Network, x: Array, masks: Masks) -> Network:
    for name in ("conv3", "conv4", "conv5"):
        x = net.conv(name, x, padding=1)
    return _head(net, net.pool("pool5", x), masks, net.inverted_dropout)


def _head(net: Network, x: Array, masks: Masks, drop: Any) -> Network:
    first, second = masks or (None, None)
    x = drop("dropout6", net.dense("fc6", net.flatten(x)), first)
    x = drop("dropout7", net.dense("fc7", x), second)
    net.activations["logits"] = net.dense("fc8", x, relu=False)
    return net


def one_gpu(params: Any, images: Any, masks: Masks = None) -> Network:
    """The paper's network; its kernels' input maps say that nothing is grouped."""
    return alexnet(params, images, masks=masks)


def owt(params: Any, images: Any, masks: Masks = None) -> Network:
    """torchvision's: padding 2 in conv1, no normalization, dropout before fc6 and before fc7."""
    net = Network(params)
    x = net.pool("pool1", net.conv("conv1", reference.float64(images), stride=4, padding=2))
    x = net.pool("pool2", net.conv("conv2", x, padding=2))
    for name in ("conv3", "conv4", "conv5"):
        x = net.conv(name, x, padding=1)
    first, second = masks or (None, None)
    pooled = net.pool("pool5", x)
    pooled_mask = None if first is None else first.reshape(pooled.shape)
    x = net.flatten(net.inverted_dropout("dropout6", pooled, pooled_mask))
    x = net.inverted_dropout("dropout7", net.dense("fc6", x), second)
    net.activations["logits"] = net.dense("fc8", net.dense("fc7", x), relu=False)
    return net


NETWORKS = {
    "source2012": source2012,
    "caffe_alexnet": caffe_alexnet,
    "caffenet": caffenet,
    "one_gpu": one_gpu,
    "owt": owt,
}
