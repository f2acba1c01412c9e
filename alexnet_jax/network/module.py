"""Network as a flax.linen module, and its initial parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, field
from functools import partial
from typing import TYPE_CHECKING

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from alexnet_jax.network import presets
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.dtypes import converted
from alexnet_jax.network.forward import activations, forward
from alexnet_jax.network.layers import Layer, Weighted
from alexnet_jax.network.presets import PresetName
from alexnet_jax.network.shapes import Placed
from alexnet_jax.network.steps import Params


def init(architecture: Architecture, key: jax.Array, dtype: DTypeLike = jnp.float32) -> Params:
    """Draw initial parameters {"conv1": {"kernel", "bias"}, ...} by the architecture's rules.

    They equal `AlexNet(architecture).init(key, images)["params"]` under jit, but no forward pass
    is computed. Call this function under `jax.jit`, on several devices with `out_shardings`.
    """
    module = AlexNet(architecture, param_dtype=dtype)
    params: Params = module.init(key, method=AlexNet.parameters)["params"]
    return params


_CHANGES = ("image_size", "channels", "classes", "init", "layers", "until", "head")


class AlexNet(nn.Module):
    """Network as a flax.linen module, which computes `forward` with its own parameters.

        net = AlexNet()                       # the paper's network
        net = AlexNet("owt", classes=10)      # a preset, changed as by `alexnet_jax.architecture`
        net = AlexNet(architecture)
        variables = net.init(key, images)     # {"params": {"conv1": {"kernel", "bias"}, ...}}
        logits = net.apply(variables, images)                                   # testing
        logits = net.apply(variables, images, train=True, rngs={"dropout": key})   # training
        net.apply(variables, images, layers=("pool5", "fc7"), method="activations")

    Attributes:
      architecture: table of layers. A preset's name becomes its `Architecture`; image_size,
        channels, classes, init, layers, until and head change the preset, and are no attributes.
      dtype: dtype of the computation and its result, as in Flax: images and parameters are
        converted to it. None: the dtype to which they promote, float32 for bfloat16 images and
        float32 parameters.
      param_dtype: dtype of the initial parameters.
      plain: compute plain layers, to which all transformations of JAX apply (see `forward`).

    Raises:
      InputError: an unknown preset, or changes of something that is no preset's name.
    """

    architecture: Architecture = "paper"  # type: ignore[assignment]  # `__post_init__` resolves it
    dtype: DTypeLike | None = None
    param_dtype: DTypeLike = jnp.float32
    plain: bool = False

    if TYPE_CHECKING:

        def __init__(
            self,
            architecture: Architecture | PresetName = "paper",
            dtype: DTypeLike | None = None,
            param_dtype: DTypeLike = jnp.float32,
            plain: bool = False,
            *,
            image_size: int | tuple[int, int] | None = None,
            channels: int | None = None,
            classes: int | None = None,
            init: PresetName | None = None,
            layers: Mapping[str, Mapping[str, object]] | None = None,
            until: str | None = None,
            head: Iterable[Layer] = (),
            parent: nn.Module | None = None,
            name: str | None = None,
        ) -> None: ...

    else:
        image_size: InitVar[int | tuple[int, int] | None] = field(default=None, kw_only=True)
        channels: InitVar[int | None] = field(default=None, kw_only=True)
        classes: InitVar[int | None] = field(default=None, kw_only=True)
        init: InitVar[PresetName | None] = field(default=None, kw_only=True)
        layers: InitVar[Mapping[str, Mapping[str, object]] | None] = field(
            default=None, kw_only=True
        )
        until: InitVar[str | None] = field(default=None, kw_only=True)
        head: InitVar[Iterable[Layer]] = field(default=(), kw_only=True)

    def __post_init__(self, *changes: object) -> None:
        # Flax calls it again, without changes, for a module that is an attribute of another.
        pairs = zip(_CHANGES, changes, strict=False)
        given = {name: value for name, value in pairs if value is not None and value != ()}
        self.architecture = presets.resolve(self.architecture, given)
        super().__post_init__()

    def setup(self) -> None:
        self._parameters = {
            placed.layer.name: self.param(
                placed.layer.name, partial(_initial, placed, self.param_dtype)
            )
            for placed in self.architecture.placed()
            if placed.kernel is not None
        }

    def parameters(self) -> Params:
        """Return the parameters {"conv1": {"kernel", "bias"}, ...}."""
        return self._parameters

    def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
        params, images = self._converted(images)
        keys = jax.random.split(self.make_rng("dropout"), images.shape[0]) if train else None
        return forward(self.architecture, params, images, keys=keys, plain=self.plain)

    def activations(
        self, images: jax.Array, layers: Sequence[str] | None = None
    ) -> dict[str, jax.Array]:
        """Return the outputs of layers in test mode, as `alexnet_jax.activations`."""
        params, images = self._converted(images)
        return activations(self.architecture, params, images, layers, plain=self.plain)

    def _converted(self, images: jax.Array) -> tuple[Params, jax.Array]:
        """Return parameters and images in the dtype of the computation."""
        return converted(self.architecture, self._parameters, images, self.dtype)


# The changes are arguments only: as attributes they would hide the method `init`, and be None.
for _name in _CHANGES:
    delattr(AlexNet, _name)


def _initial(placed: Placed, dtype: DTypeLike, key: jax.Array) -> dict[str, jax.Array]:
    """Draw the initial kernel and bias of a layer."""
    layer, shape = placed.layer, placed.kernel
    bias_shape = placed.bias
    if shape is None or bias_shape is None or not isinstance(layer, Weighted):
        raise TypeError(f"{layer.name} has no parameters")
    if layer.init == "torch":
        kernel_key, bias_key = jax.random.split(key)
        bound = 1 / math.sqrt(placed.fan_in)
        return {
            "kernel": jax.random.uniform(kernel_key, shape, dtype, -bound, bound),
            "bias": jax.random.uniform(bias_key, bias_shape, dtype, -bound, bound),
        }
    std = math.sqrt(2 / placed.fan_in) if layer.std is None else layer.std
    return {
        "kernel": jnp.asarray(std, dtype) * jax.random.normal(key, shape, dtype),
        "bias": jnp.full(bias_shape, layer.bias, dtype),
    }
