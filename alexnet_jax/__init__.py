"""AlexNet, the network of 2012, written purely functionally in JAX and Flax.

Each name is imported when first used. The network needs jax, flax, optax and numpy and no more;
what reads data, checkpoints or pictures imports its libraries when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from alexnet_jax.errors import InputError
from alexnet_jax.version import __version__

if TYPE_CHECKING:  # from modules where a package has a module and a function of one name
    from alexnet_jax import data, network, nnx, ops, weights
    from alexnet_jax.inference import load_checkpoint
    from alexnet_jax.network.architecture import Architecture
    from alexnet_jax.network.forward import activations, forward
    from alexnet_jax.network.module import AlexNet, init
    from alexnet_jax.network.presets import PresetName, architecture, list_presets
    from alexnet_jax.network.summary import summary
    from alexnet_jax.runs import TrainConfig
    from alexnet_jax.training import paper_sgd
    from alexnet_jax.weights import create_model as create
    from alexnet_jax.weights import load_model as load

# The package that offers each name; "" for a package itself.
_OFFERED_BY = {
    "AlexNet": "network",
    "Architecture": "network",
    "PresetName": "network",
    "TrainConfig": "runs",
    "activations": "network",
    "architecture": "network",
    "create": "weights",
    "data": "",
    "forward": "network",
    "init": "network",
    "list_presets": "network",
    "load": "weights",
    "load_checkpoint": "inference",
    "network": "",
    "nnx": "",
    "ops": "",
    "paper_sgd": "training",
    "summary": "network",
    "weights": "",
}
# Names that are others in their package.
_THERE = {"create": "create_model", "load": "load_model"}

__all__ = [
    "AlexNet",
    "Architecture",
    "InputError",
    "PresetName",
    "TrainConfig",
    "__version__",
    "activations",
    "architecture",
    "create",
    "data",
    "forward",
    "init",
    "list_presets",
    "load",
    "load_checkpoint",
    "network",
    "nnx",
    "ops",
    "paper_sgd",
    "summary",
    "weights",
]


if not TYPE_CHECKING:  # to type checkers, a name that is not listed above is an error

    def __getattr__(name: str) -> object:
        if name not in _OFFERED_BY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        package = importlib.import_module(f"{__name__}.{_OFFERED_BY[name] or name}")
        return getattr(package, _THERE.get(name, name)) if _OFFERED_BY[name] else package


def __dir__() -> list[str]:
    """Return the public names, also those that are not imported yet."""
    return sorted(__all__)
