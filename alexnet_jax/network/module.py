"""Network as a flax.linen module, and its initial parameters."""

from __future__ import annotations

import math
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from alexnet_jax.network import presets
from alexnet_jax.network.architecture import Architecture, Placed
from alexnet_jax.network.forward import check_images, forward
from alexnet_jax.network.layers import Conv, Dense
from alexnet_jax.network.steps import Params


def init(architecture: Architecture, key: jax.Array, dtype: DTypeLike = jnp.float32) -> Params:
    """Draw initial parameters {"conv1": {"kernel", "bias"}, ...} by the architecture's rules.

    They equal `AlexNet(architecture).init(key, images)["params"]` under jit, but no forward pass
    is computed. Call this function under `jax.jit`, on several devices with `out_shardings`.
    """
    module = AlexNet(architecture, dtype)
    params: Params = module.init(key, method=AlexNet.parameters)["params"]
    return params


class AlexNet(nn.Module):
    """Network as a flax.linen module, which computes `forward` with its own parameters.

        net = AlexNet()
        variables = net.init(key, images)     # {"params": {"conv1": {"kernel", "bias"}, ...}}
        logits = net.apply(variables, images)                                   # testing
        logits = net.apply(variables, images, train=True, rngs={"dropout": key})   # training

    Attributes:
      architecture: table of layers; by default the paper's network.
      dtype: dtype of the parameters; images must have the same.
      plain: compute plain layers, to which all transformations of JAX apply (see `forward`).
    """

    architecture: Architecture = presets.architecture()
    dtype: DTypeLike = jnp.float32
    plain: bool = False

    def setup(self) -> None:
        self._parameters = {
            placed.layer.name: self.param(placed.layer.name, partial(_initial, placed, self.dtype))
            for placed in self.architecture.placed()
            if placed.kernel is not None
        }

    def parameters(self) -> Params:
        """Return the parameters {"conv1": {"kernel", "bias"}, ...}."""
        return self._parameters

    def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
        check_images(self.architecture, images)
        keys = jax.random.split(self.make_rng("dropout"), images.shape[0]) if train else None
        return forward(self.architecture, self._parameters, images, keys=keys, plain=self.plain)


def _initial(placed: Placed, dtype: DTypeLike, key: jax.Array) -> dict[str, jax.Array]:
    """Draw the initial kernel and bias of a layer."""
    layer, shape = placed.layer, placed.kernel
    if shape is None or not isinstance(layer, Conv | Dense):
        raise TypeError(f"{layer.name} has no parameters")
    fan_in = math.prod(shape[:-1])
    if layer.init == "torch":
        kernel_key, bias_key = jax.random.split(key)
        bound = 1 / math.sqrt(fan_in)
        return {
            "kernel": jax.random.uniform(kernel_key, shape, dtype, -bound, bound),
            "bias": jax.random.uniform(bias_key, shape[-1:], dtype, -bound, bound),
        }
    std = math.sqrt(2 / fan_in) if layer.std is None else layer.std
    return {
        "kernel": jnp.asarray(std, dtype) * jax.random.normal(key, shape, dtype),
        "bias": jnp.full(shape[-1:], layer.bias, dtype),
    }
