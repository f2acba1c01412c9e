"""AlexNet as data (a table of layers) and as a function of parameters and images.

`AlexNet` and `init`, which need Flax, are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexnet_jax.network import presets
from alexnet_jax.network.architecture import Architecture, part_with
from alexnet_jax.network.dtypes import converted
from alexnet_jax.network.forward import activations, forward
from alexnet_jax.network.layers import (
    LRN,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Layer,
    Local,
    MapNorm,
    MaxPool,
    Pool,
    Weighted,
)
from alexnet_jax.network.plan import Recomputed, plan, run
from alexnet_jax.network.presets import (
    PresetName,
    architecture,
    list_presets,
    preset_name,
    resolve,
)
from alexnet_jax.network.receptive import receptive_fields
from alexnet_jax.network.shapes import Placed
from alexnet_jax.network.steps import Context, Params, Step, program, reads_all_maps
from alexnet_jax.network.summary import rows, summary
from alexnet_jax.network.towers import ONE_DEVICE, Towers
from alexnet_jax.network.transfer import computed_otherwise, copied_layers

if TYPE_CHECKING:
    from alexnet_jax.network.module import AlexNet, init

__all__ = [
    "LRN",
    "ONE_DEVICE",
    "AlexNet",
    "Architecture",
    "AveragePool",
    "Context",
    "Conv",
    "Dense",
    "Dropout",
    "Layer",
    "Local",
    "MapNorm",
    "MaxPool",
    "Params",
    "Placed",
    "Pool",
    "PresetName",
    "Recomputed",
    "Step",
    "Towers",
    "Weighted",
    "activations",
    "architecture",
    "computed_otherwise",
    "converted",
    "copied_layers",
    "forward",
    "init",
    "list_presets",
    "part_with",
    "plan",
    "preset_name",
    "presets",
    "program",
    "reads_all_maps",
    "receptive_fields",
    "resolve",
    "rows",
    "run",
    "summary",
]


if not TYPE_CHECKING:  # to type checkers, a name that is not listed above is an error

    def __getattr__(name: str) -> object:
        if name not in ("AlexNet", "init"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from alexnet_jax.network import module

        return getattr(module, name)
