"""Rates of training and inference on this machine, with the kernels of one step by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.kernels import kernels_by_time
from alexnet_jax.bench.ours import Ours
from alexnet_jax.bench.report import counted
from alexnet_jax.bench.times import Times, steps_of_sample
from alexnet_jax.bench.work import Work

_KERNELS = 40  # of which a table is kept


class _Ready:
    """The work that was prepared last; one at a time is in the device's memory."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._ours: Ours | None = None

    def __call__(self, work: Work) -> Ours:
        if self._ours is None or work != self._work:
            self._ours = None  # frees its arrays before the next ones are made
            self._work, self._ours = work, Ours(work)
        return self._ours


def items(size: Size) -> Items:
    """Return the works on one device, with the kernels of the first, and those on several."""
    ready = _Ready()
    first, *others = size.speed_works()
    count = len(jax.devices())
    several = _on_several(first, count) if count > 1 else []
    found: dict[str, Callable[[], dict[str, Any]]] = {
        name(first): partial(_measure, ready, first, size.samples),
        f"kernels of {name(first)}": partial(_kernels, ready, first),
    }
    for work in (*others[:3], *several, *others[3:]):
        found[name(work)] = partial(_measure, ready, work, size.samples)
    return found


def name(work: Work) -> str:
    """Return the name of a work as an item."""
    several = f", {work.steps_per_dispatch} steps a dispatch" if work.steps_per_dispatch > 1 else ""
    place = f", {work.topology}" if work.topology != "one_device" else ""
    does = {"train": "training", "infer": "inference"}[work.mode]
    return f"{does}, {work.dtype}, batch {work.batch}{several}{place}"


def _on_several(first: Work, count: int) -> list[Work]:
    """Return the same training on several devices, with as many images on each share."""
    even = count // 2 * 2 == count
    works = [
        replace(first, topology="data", batch=first.batch * count),
        replace(first, topology="two_towers"),
        replace(first, topology="hybrid", batch=first.batch * count),
    ]
    if count > 2 and even:
        works.append(replace(first, topology="data_towers", batch=first.batch * (count // 2)))
    return works


def _measure(ready: _Ready, work: Work, samples: int) -> dict[str, Any]:
    """Time a work, and give its rate, its share of a product's, its memory and compile time."""
    ours = ready(work)
    steps = steps_of_sample(ours.about.step_seconds)
    times = Times(tuple(ours.seconds(steps) for _ in range(samples)))
    operations = counted(work.architecture, work.mode, work.batch) / times.median
    processors = 1 if ours.about.platform == "cpu" else ours.about.devices
    return {
        "mode": work.mode,
        "dtype": work.dtype,
        "batch": work.batch,
        "steps_per_dispatch": work.steps_per_dispatch,
        "topology": work.topology,
        "devices": ours.about.devices,
        **times.to_json(),
        "images_per_second": work.batch / times.median,
        "operations_per_second": operations,
        "share_of_product": operations / (processors * ours.products_per_second()),
        "program_bytes": ours.about.program_bytes,
        "compile_seconds": ours.about.compile_seconds,
    }


def _kernels(ready: _Ready, work: Work) -> dict[str, Any]:
    """Profile the work; give the longest kernels and the time of all."""
    kernels = kernels_by_time(ready(work).seconds)
    total = sum(kernel["seconds"] for kernel in kernels)
    return {"kernels": kernels[:_KERNELS], "count": len(kernels), "total_seconds": total}
