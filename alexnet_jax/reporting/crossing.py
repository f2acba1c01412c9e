"""Exchange between the two towers of a network: numbers of values, and what they contribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexnet_jax.analysis import tower_shares
from alexnet_jax.data import Split
from alexnet_jax.inference import Trained
from alexnet_jax.planning import layout, transfers
from alexnet_jax.reporting.through import views

_IMAGES = 32  # of the test split, evenly spaced
_FLOAT32 = 4


@dataclass(frozen=True)
class Exchange:
    """Exchange between the towers at one layer.

    Attributes:
      layer: name of the layer.
      forward, backward: values that both towers send for one image of a training step.
      other: share of the energy of w * x that comes from the other tower, for each group of the
        layer's maps: of towers 0 and 1, or of the classifier, where it is tower 1's share; () if it
        is not known.
    """

    layer: str
    forward: float
    backward: float
    other: tuple[float, ...]


def exchanges(trained: Trained, split: Split | None) -> list[Exchange]:
    """Return what crosses at each layer, in the order of the network; none for one tower.

    Args:
      split: images from which the shares of energy are computed; None where there are none.
    """
    network = trained.architecture
    if network.towers != 2 or network.classes is None:
        return []
    sent: dict[str, dict[str, float]] = {}
    for one in transfers(network, layout("two_towers", network, 2), 1, _FLOAT32):
        layer = sent.setdefault(one.layer, {"forward": 0.0, "backward": 0.0})
        layer[one.direction] += one.bytes_per_step / _FLOAT32
    shares: dict[str, np.ndarray] = {}
    if split is not None:
        rows = np.linspace(0, len(split) - 1, min(_IMAGES, len(split))).astype(int)
        shares = tower_shares(network, trained.params, views(trained, split.images[rows]))
    return [
        Exchange(layer, both["forward"], both["backward"], _other(shares.get(layer)))
        for layer, both in sent.items()
    ]


def _other(energy: np.ndarray | None) -> tuple[float, ...]:
    """Return the other tower's share of energies [2, 2], E[from, to], or tower 1's of [2, 1]."""
    if energy is None or not energy.sum(0).all():
        return ()
    share = energy / energy.sum(0)
    if share.shape[1] == 1:
        return (float(share[1, 0]),)
    return (float(share[1, 0]), float(share[0, 1]))
