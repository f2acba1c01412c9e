"""Rates of a device for the model of scaling, from a step that is compiled for it."""

from __future__ import annotations

from typing import Any

from alexnet_jax.compiling.program import compile_programs
from alexnet_jax.compiling.report import make_report
from alexnet_jax.compiling.targets import Target
from alexnet_jax.network import Architecture
from alexnet_jax.parallel import topology
from alexnet_jax.planning import rates
from alexnet_jax.runs import TrainConfig


def target_rates(
    architecture: Architecture,
    config: TrainConfig,
    target: Target,
    devices: list[Any],
    stored: int | None = None,
) -> tuple[float, float]:
    """Return (counted operations/s, bytes/s of the update) of one device of a target.

    They give the estimated time of a step of `config.batch` images on one device, of which the
    update is that of the kernels that belong to no layer's gradient.
    """
    one = topology("one_device", architecture, devices)
    program, _ = compile_programs(architecture, config, one, "train", stored)
    report = make_report(program, target, architecture, config, one, "train")
    update = sum(s for (_, part), s in report.by_layer().items() if part == "update")
    return rates(architecture, config.batch, report.compute, update)
