"""Float64 values of the network in NumPy, for alexnet_jax/bench/accelerator/probe.json.

cd tests && python -m helpers.probe          about a minute of one core, 3 GB
"""

import json
from typing import Any

import numpy as np

from alexnet_jax.bench.accelerator import drawn, probe
from alexnet_jax.bench.accelerator.sizes import size
from alexnet_jax.bench.accelerator.step import by_name
from alexnet_jax.network.architecture import Architecture
from helpers import reference
from helpers.reference_net import alexnet


def reference_values(architecture: Architecture) -> dict[str, np.ndarray]:
    """The mean loss, logits and gradients in test mode, of the reference's network."""
    net = alexnet(drawn.parameters(architecture), drawn.images(architecture, probe.IMAGES))
    labels, logits = drawn.labels(architecture, probe.IMAGES), net.activations["logits"]
    share = np.full(probe.IMAGES, 1 / probe.IMAGES)
    net.backward(reference.cross_entropy_vjp(logits, labels, share)[0])
    loss = reference.cross_entropy(logits, labels).mean()
    gradients = {name: net.gradients[name] for name in net.params}
    return {"loss": np.asarray(loss), "logits": logits} | by_name("gradient", gradients)


def chosen(name: str) -> dict[str, Any]:
    return probe.choose(reference_values(size(name).architecture))


def main() -> None:
    values = {name: chosen(name) for name in ("small", "full")}
    probe.FILE.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
