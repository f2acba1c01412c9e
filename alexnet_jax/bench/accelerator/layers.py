"""Times of every layer alone, with its least operations and bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.by_layer import timings
from alexnet_jax.bench.layer_times import Timing


def items(size: Size) -> Items:
    """Return the views, each part of the network, and the update."""

    def measure(time: Callable[[], Timing]) -> dict[str, Any]:
        return asdict(time())

    return {name: partial(measure, time) for name, time in timings(size.speed_works()[0]).items()}
