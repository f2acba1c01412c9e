"""The networks for CIFAR-10 in float64 NumPy, from the files that came with cuda-convnet."""

from typing import Any

import numpy as np

from helpers import reference, reference_local
from helpers.reference_net import Network
from helpers.reference_norms import map_norm, map_norm_vjp

Array = np.ndarray


class CifarNetwork(Network):
    """A network with pools whose size is rounded up, and the layers that only these have."""

    def max_pool(self, name: str, x: Array, *, relu: bool = False) -> Array:
        """The last windows hold nothing beyond the map: minus infinity there."""
        down, right = ((side + 1) % 2 for side in x.shape[1:3])
        padded = np.pad(x, ((0, 0), (0, down), (0, right), (0, 0)), constant_values=-np.inf)
        y = reference.max_pool(padded)
        on = y > 0 if relu else np.ones_like(y, bool)

        def pull(dy: Array) -> Array:
            return reference.max_pool_vjp(padded, dy * on)[0][:, : x.shape[1], : x.shape[2]]

        return self._keep(name, y * on, pull)

    def mean_pool(self, name: str, x: Array) -> Array:
        y = reference_local.average_pool(x, overhang=True)
        return self._keep(
            name, y, lambda dy: reference_local.average_pool_vjp(x, dy, overhang=True)[0]
        )

    def within_maps(self, name: str, x: Array) -> Array:
        rule = {"size": 3, "k": 1.0, "alpha": 5e-5 / 9, "beta": 0.75}
        return self._keep(name, map_norm(x, **rule), lambda dy: map_norm_vjp(x, dy, **rule))

    def local(self, name: str, x: Array) -> Array:
        kernel, bias = self.params[name]["kernel"], self.params[name]["bias"]
        net = reference_local.locally_connected(x, kernel, bias, padding=1)
        on = net > 0

        def pull(dy: Array) -> Array:
            dx, dk, db = reference_local.locally_connected_vjp(x, kernel, dy * on, padding=1)
            self.gradients[name] = {"kernel": dk, "bias": db}
            return dx

        return self._keep(name, net * on, pull)

    def logits(self, name: str, x: Array) -> None:
        self.activations["logits"] = self.dense(name, x, relu=False)
        del self.activations[name]


def three_convolutions(params: Any, images: Any, *, norms: bool = False) -> CifarNetwork:
    """What layers-80sec, layers-19pct and layers-18pct share, up to the flattened maps."""
    net = CifarNetwork(params)
    x = net.conv("conv1", reference.float64(images), padding=2, relu=False)
    x = net.max_pool("pool1", x, relu=True)
    x = net.within_maps("mapnorm1", x) if norms else x
    x = net.mean_pool("pool2", net.conv("conv2", x, padding=2))
    x = net.within_maps("mapnorm2", x) if norms else x
    net.flatten(net.mean_pool("pool3", net.conv("conv3", x, padding=2)))
    return net


def _flat(net: CifarNetwork) -> Array:
    pooled = net.activations["pool3"]
    return pooled.reshape(len(pooled), -1)


def cifar_80sec(params: Any, images: Any) -> Network:
    net = three_convolutions(params, images)
    net.logits("fc5", net.dense("fc4", _flat(net)))
    return net


def cifar_19pct(params: Any, images: Any) -> Network:
    net = three_convolutions(params, images)
    net.logits("fc4", _flat(net))
    return net


def cifar_18pct(params: Any, images: Any) -> Network:
    net = three_convolutions(params, images, norms=True)
    net.logits("fc4", _flat(net))
    return net


def cifar_13pct(params: Any, images: Any) -> Network:
    net = CifarNetwork(params)
    x = net.max_pool("pool1", net.conv("conv1", reference.float64(images), padding=2))
    x = net.max_pool("pool2", net.conv("conv2", x, padding=2))
    net.logits("fc5", net.flatten(net.local("local4", net.local("local3", x))))
    return net


def cifar_11pct(params: Any, images: Any) -> Network:
    rule = {"n": 9, "k": 1.0, "alpha": 0.001 / 9, "beta": 0.75}
    net = CifarNetwork(params)
    x = net.max_pool("pool1", net.conv("conv1", reference.float64(images), padding=2))
    x = net.conv("conv2", net.lrn("lrn1", x, **rule), padding=2)
    x = net.max_pool("pool2", net.lrn("lrn2", x, **rule))
    net.logits("fc5", net.flatten(net.local("local4", net.local("local3", x))))
    return net


NETWORKS = {
    "cifar_80sec": cifar_80sec,
    "cifar_19pct": cifar_19pct,
    "cifar_18pct": cifar_18pct,
    "cifar_13pct": cifar_13pct,
    "cifar_11pct": cifar_11pct,
}
