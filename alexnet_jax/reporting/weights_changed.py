"""Weights of a run beside those that it began with, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexnet_jax.inference import Trained
from alexnet_jax.network import Params
from alexnet_jax.training import init_state


@dataclass(frozen=True)
class LayerNorms:
    """Norms of one layer's kernel and bias, in float64.

    Attributes:
      layer: name of the layer.
      size: number of kernel values.
      kernel, bias: Euclidean norms of the kernel and the bias.
      initial, change: norms of the kernel at the start and of its change since; None where the
        start is not known.
    """

    layer: str
    size: int
    kernel: float
    bias: float
    initial: float | None
    change: float | None

    def rms(self, norm: float) -> float:
        """Convert a norm of the kernel to its root mean square, sqrt(sum w^2 / size)."""
        return norm / self.size**0.5


def initial_params(trained: Trained) -> Params | None:
    """Return the weights that a run began with; None if they were not drawn from its seed."""
    if trained.origin is not None or trained.config.start_from:
        return None
    return init_state(trained.architecture, trained.config, trained.topology).params


def weighted_layers(trained: Trained) -> list[str]:
    """Return the names of the layers with weights, in the order of computation."""
    return [one.layer.name for one in trained.architecture.placed() if one.kernel is not None]


def layer_norms(trained: Trained, initial: Params | None) -> list[LayerNorms]:
    """Return the norms of every layer with weights, in the order of computation."""
    rows = []
    for name in weighted_layers(trained):
        layer = trained.params[name]
        kernel = np.asarray(layer["kernel"], np.float64)
        began = None if initial is None else np.asarray(initial[name]["kernel"], np.float64)
        rows.append(
            LayerNorms(
                layer=name,
                size=kernel.size,
                kernel=_norm(kernel),
                bias=_norm(np.asarray(layer["bias"], np.float64)),
                initial=None if began is None else _norm(began),
                change=None if began is None else _norm(kernel - began),
            )
        )
    return rows


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(values.ravel()))
