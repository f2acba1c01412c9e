"""Networks for commands: from a workdir, a file of weights, or a name, on a topology's devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from alexnet_jax.inference import Trained, load_trained, to_standard_error
from alexnet_jax.runs import Precision
from alexnet_jax.weights.loading import Source, load_model, located


def trained_network(
    source: Source,
    *,
    checkpoint: str = "latest",
    topology_name: str = "one_device",
    precision: Precision | None = None,
    warn: Callable[[str], None] = to_standard_error,
) -> Trained:
    """Load a trained network and place it on the devices of a topology.

    Args:
      source: the workdir of a training, a file of weights or a name, as `load_model` takes them.
      checkpoint, topology_name, precision, warn: as `load_trained` takes them; a file of weights
        has one state only, "latest".

    Raises:
      InputError: as `load_model` and `load_trained`.
    """
    path = located(source)
    if path.is_dir():
        return load_trained(
            path,
            checkpoint=checkpoint,
            topology_name=topology_name,
            precision=precision,
            warn=warn,
        )
    weights = load_model(path, checkpoint=checkpoint)
    if precision is not None:
        config = dataclasses.replace(weights.config, precision=precision)
        weights = dataclasses.replace(weights, config=config)
    return weights.on(topology_name)
