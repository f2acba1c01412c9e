"""A step on several devices against the same step on one of them."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax

from alexnet_jax.bench.accelerator.compare import agreement
from alexnet_jax.bench.accelerator.network import EXACT
from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.accelerator.step import Values, step_values
from alexnet_jax.errors import InputError
from alexnet_jax.parallel import topology

NAMES = ("two_towers", "data", "data_towers", "hybrid")


def items(size: Size) -> Items:
    """Return a comparison for each topology of several devices, float32 at highest precision."""
    architecture = size.architecture

    @cache
    def on_one(count: int) -> Values:
        place = topology("one_device", architecture, jax.devices()[:1])
        return step_values(architecture, count, place, precision="highest")

    def compare(name: str) -> dict[str, Any]:
        if len(jax.devices()) == 1:
            raise InputError("there is one device")
        place = topology(name, architecture)
        count = place.divisible(size.images)
        values = step_values(architecture, count, place, precision="highest")
        return agreement(values, on_one(count), EXACT) | {"devices": place.mesh.size}

    return {name: partial(compare, name) for name in NAMES}
