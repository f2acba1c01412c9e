"""AlexNet, the network of 2012, written purely functionally in JAX and Flax.

Importing this needs jax, flax, optax and numpy and no more; what reads data, checkpoints or
pictures imports its libraries when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# The layers
from alexnet_jax import ops

# The network and its presets
from alexnet_jax.config import Architecture
from alexnet_jax.errors import InputError
from alexnet_jax.model import AlexNet, activations, forward, init

# Training
from alexnet_jax.optim import paper_sgd
from alexnet_jax.presets import architecture, list_presets
from alexnet_jax.summary import summary
from alexnet_jax.version import __version__

if TYPE_CHECKING:
    from alexnet_jax import weights
    from alexnet_jax.inference import load_checkpoint


__all__ = [
    "AlexNet",
    "Architecture",
    "InputError",
    "__version__",
    "activations",
    "architecture",
    "forward",
    "init",
    "list_presets",
    "load_checkpoint",
    "ops",
    "paper_sgd",
    "summary",
    "weights",
]


def __getattr__(name: str) -> Any:
    if name == "load_checkpoint":
        from alexnet_jax.inference import load_checkpoint

        return load_checkpoint
    if name == "weights":
        return importlib.import_module("alexnet_jax.weights")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
