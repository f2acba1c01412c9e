"""The whole network in float64 NumPy, forward and backward, written from the reference text.

Not from the package's tables: the order of layers, strides, paddings and groups stand here a
second time, by hand.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers import reference
from helpers.reference_norms import map_norm, map_norm_vjp, per_tower

Array = np.ndarray
Pull = Callable[[Array], Array]


class Network:
    """Runs layers, remembers how to pull a gradient back through each, and keeps activations."""

    def __init__(self, params: Any) -> None:
        self.params = {
            name: {leaf: reference.float64(value) for leaf, value in layer.items()}
            for name, layer in params.items()
        }
        self.gradients: dict[str, dict[str, Array]] = {}
        self.activations: dict[str, Array] = {}
        self._pulls: list[Pull] = []

    def conv(
        self, name: str, x: Array, *, stride: int = 1, padding: int = 0, relu: bool = True
    ) -> Array:
        kernel, bias = self.params[name]["kernel"], self.params[name]["bias"]
        net = reference.conv2d(x, kernel, bias, stride=stride, padding=padding)
        on = net > 0 if relu else np.ones_like(net, bool)

        def pull(dy: Array) -> Array:
            dx, dk, db = reference.conv2d_vjp(x, kernel, dy * on, stride=stride, padding=padding)
            self.gradients[name] = {"kernel": dk, "bias": db}
            return dx

        return self._keep(name, net * on, pull)

    def lrn(self, name: str, x: Array, *, towers: bool = False, **rule: float) -> Array:
        def gradient(x: Array, dy: Array) -> Array:
            return reference.local_response_norm_vjp(x, dy, **rule)[0]

        if towers:
            y = per_tower(reference.local_response_norm, x, **rule)
            return self._keep(name, y, lambda dy: per_tower(gradient, x, dy))
        y = reference.local_response_norm(x, **rule)
        return self._keep(name, y, lambda dy: gradient(x, dy))

    def map_norm(self, name: str, x: Array) -> Array:
        return self._keep(name, map_norm(x), lambda dy: map_norm_vjp(x, dy))

    def pool(self, name: str, x: Array, *, relu: bool = False) -> Array:
        y = reference.max_pool(x)
        on = y > 0 if relu else np.ones_like(y, bool)
        return self._keep(name, y * on, lambda dy: reference.max_pool_vjp(x, dy * on)[0])

    def flatten(self, x: Array) -> Array:
        self._pulls.append(lambda dy: dy.reshape(x.shape))
        return x.reshape(len(x), -1)

    def dense(self, name: str, x: Array, *, relu: bool = True) -> Array:
        kernel, bias = self.params[name]["kernel"], self.params[name]["bias"]
        net = reference.dense(x, kernel, bias)
        on = net > 0 if relu else np.ones_like(net, bool)

        def pull(dy: Array) -> Array:
            dx, dk, db = reference.dense_vjp(x, kernel, dy * on)
            self.gradients[name] = {"kernel": dk, "bias": db}
            return dx

        return self._keep(name, net * on, pull)

    def dropout(self, name: str, x: Array, mask: Array | None, keep: float = 0.5) -> Array:
        y = reference.dropout(x, mask, keep=keep)
        return self._keep(name, y, lambda dy: reference.dropout_vjp(x, mask, dy, keep=keep)[0])

    def inverted_dropout(self, name: str, x: Array, mask: Array | None) -> Array:
        factor = np.ones_like(x) if mask is None else mask / 0.5
        return self._keep(name, x * factor, lambda dy: dy * factor)

    def _keep(self, name: str, y: Array, pull: Pull) -> Array:
        self.activations[name] = y
        self._pulls.append(pull)
        return y

    def backward(self, dlogits: Array) -> Array:
        """Fills `gradients` and returns the gradient of the images."""
        for pull in reversed(self._pulls):
            dlogits = pull(dlogits)
        return dlogits


def alexnet(
    params: Any,
    images: Any,
    *,
    stride: int = 4,
    keep: float = 0.5,
    masks: tuple[Array, Array] | None = None,
) -> Network:
    """The reference text's network, with `stride` in conv1; test mode without masks."""
    net = Network(params)
    x = net.conv("conv1", reference.float64(images), stride=stride)
    x = net.pool("pool1", net.lrn("lrn1", x))
    x = net.conv("conv2", x, padding=2)
    x = net.pool("pool2", net.lrn("lrn2", x))
    x = net.conv("conv3", x, padding=1)
    x = net.conv("conv4", x, padding=1)
    x = net.conv("conv5", x, padding=1)
    x = net.flatten(net.pool("pool5", x))
    first, second = masks or (None, None)
    x = net.dropout("dropout6", net.dense("fc6", x), first, keep)
    x = net.dropout("dropout7", net.dense("fc7", x), second, keep)
    net.activations["logits"] = net.dense("fc8", x, relu=False)
    return net
