"""AlexNet, the network of 2012, written purely functionally in JAX and Flax.

Importing this needs jax, flax, optax and numpy and no more; what reads data, checkpoints or
pictures imports its libraries when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from alexnet_jax import ops
from alexnet_jax.errors import InputError
from alexnet_jax.network import (
    AlexNet,
    Architecture,
    activations,
    architecture,
    forward,
    init,
    list_presets,
    summary,
)
from alexnet_jax.version import __version__

if TYPE_CHECKING:
    from alexnet_jax import data, weights
    from alexnet_jax.inference import load_checkpoint
    from alexnet_jax.runs import TrainConfig
    from alexnet_jax.training import paper_sgd

# Imported when first used, each from its package; "" is the package itself.
_WHEN_USED = {
    "TrainConfig": "runs",
    "data": "",
    "load_checkpoint": "inference",
    "paper_sgd": "training",
    "weights": "",
}

__all__ = [
    "AlexNet",
    "Architecture",
    "InputError",
    "TrainConfig",
    "__version__",
    "activations",
    "architecture",
    "data",
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
    if name not in _WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package = importlib.import_module(f"{__name__}.{_WHEN_USED[name] or name}")
    return getattr(package, name) if _WHEN_USED[name] else package
