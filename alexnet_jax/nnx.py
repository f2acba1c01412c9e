"""Network as a module of Flax NNX, with the function and parameters of `alexnet_jax.AlexNet`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from alexnet_jax.network import (
    Architecture,
    Layer,
    Params,
    PresetName,
    activations,
    converted,
    forward,
    resolve,
)
from alexnet_jax.network import init as draw

_initial = jax.jit(draw, static_argnums=(0, 2))


class AlexNet(nnx.Module):
    """Network as an nnx module, which computes `forward` with its own parameters.

        model = AlexNet("owt", classes=10, rngs=nnx.Rngs(0))
        logits = model(images)                                  # testing
        model.train()                                           # dropout draws masks from here on
        optimizer = nnx.Optimizer(model, optax.sgd(0.01), wrt=nnx.Param)

    A new module is in test mode, like a call of the Linen module without `train=True`;
    `model.train()` and `model.eval()` change the mode. The state of its parameters is
    {"params": {"conv1": {"kernel", "bias"}, ..., "fc8": ...}}, the variables of the Linen module:
    `nnx.update(model, variables)` loads them.

    Attributes:
      architecture: table of layers.
      dtype: dtype of the computation and its result, to which images and parameters are converted.
        None: the dtype to which they promote, float32 for bfloat16 images and float32 parameters.
      plain: compute plain layers, to which all transformations of JAX apply (see `forward`).
      deterministic: whether dropout multiplies by `keep` (testing) or draws masks (training).
      params: parameters by layer.
    """

    def __init__(
        self,
        architecture: Architecture | PresetName = "paper",
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        plain: bool = False,
        image_size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        classes: int | None = None,
        init: PresetName | None = None,
        layers: Mapping[str, Mapping[str, object]] | None = None,
        until: str | None = None,
        head: Iterable[Layer] = (),
    ) -> None:
        """Draw initial parameters, those of `alexnet_jax.init` for the key `rngs.params()`.

        Args:
          architecture: table of layers, or the name of a preset, which the arguments from
            `image_size` on change as in `alexnet_jax.architecture`.
          rngs: its stream `params` gives the key of the initial values, a fork of its stream
            `dropout` those of the masks in training.
          param_dtype: dtype of the initial parameters.

        Raises:
          InputError: an unknown preset, or changes of a network that is no preset's name.
        """
        changes = {
            "image_size": image_size,
            "channels": channels,
            "classes": classes,
            "init": init,
            "layers": layers,
            "until": until,
            "head": tuple(head) or None,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        self.architecture = resolve(architecture, given)
        self.dtype = dtype
        self.plain = plain
        self.deterministic = True
        drawn = _initial(self.architecture, rngs.params(), jnp.dtype(param_dtype))
        self.params = nnx.Dict(
            {
                name: nnx.Dict({part: nnx.Param(value) for part, value in layer.items()})
                for name, layer in drawn.items()
            }
        )
        self.rngs = rngs.dropout.fork()

    def __call__(self, images: jax.Array) -> jax.Array:
        """Return the logits, [B, classes], of images [B, H, W, C], as `forward` does."""
        params, images = self._converted(images)
        keys = None if self.deterministic else jax.random.split(self.rngs(), images.shape[0])
        return forward(self.architecture, params, images, keys=keys, plain=self.plain)

    def activations(
        self, images: jax.Array, layers: Sequence[str] | None = None
    ) -> dict[str, jax.Array]:
        """Return the outputs of layers in test mode, as `alexnet_jax.activations`."""
        params, images = self._converted(images)
        return activations(self.architecture, params, images, layers, plain=self.plain)

    def _converted(self, images: jax.Array) -> tuple[Params, jax.Array]:
        """Return parameters and images in the dtype of the computation."""
        params: Params = nnx.to_pure_dict(nnx.state(self.params))
        return converted(self.architecture, params, images, self.dtype)
