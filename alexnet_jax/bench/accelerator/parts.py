"""The parts by name, in the order of the page, each with its share of the time."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size


@dataclass(frozen=True)
class Part:
    """Part of the whole.

    Attributes:
      module: module of this package whose function `items` maps a `Size` to the part's items.
      does: heading of the part on the page.
      weight: share of the time that is left, in relation to the weights of the parts behind it.
      correctness: whether it compares values.
    """

    module: str
    does: str
    weight: float
    correctness: bool = False

    def items(self, size: Size) -> Items:
        """Return the part's items by name; imports what they need."""
        found: Items = importlib.import_module(f"{__package__}.{self.module}").items(size)
        return found


PARTS = {
    "devices": Part("devices", "Devices", 30),
    "network": Part("network", "The whole network: loss, logits and gradients", 150, True),
    "operations": Part("operations", "Layers and crops alone", 40, True),
    "topologies": Part("topologies", "Several devices against one", 60, True),
    "speed": Part("speed", "Speed", 150),
    "peer": Part("peer", "Speed beside PyTorch", 110),
    "input": Part("input", "Synthetic and packed images", 30),
    "layers": Part("layers", "Every layer alone", 30),
}


# The order in which they run: those that end at once on many machines leave their time to others.
ORDER = ("devices", "topologies", "network", "operations", "peer", "speed", "input", "layers")


def share(weights: list[float], seconds: float) -> float:
    """Return the first part's share of the time left, by its weight among those not yet run."""
    return seconds * weights[0] / sum(weights)
