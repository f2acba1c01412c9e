"""Kernels of a program in the order of their time, from a profile."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax

_STEPS = 5
_DEVICES = ("/device:GPU", "/device:TPU")  # the names of their planes begin so


def kernels_by_time(run: Callable[[int], Any]) -> list[dict[str, Any]]:
    """Profile a few steps and return [{"name", "seconds", "calls"}, ...] per step, longest first.

    On a GPU these are the kernels that the driver ran, and on a TPU the operations of its cores; on
    a CPU they are the operations of XLA's threads, where the time of an operation includes its
    waiting for others.

    Args:
      run: function that runs a number of steps.
    """
    with tempfile.TemporaryDirectory() as directory:
        with jax.profiler.trace(directory):
            run(_STEPS)
        (file,) = Path(directory).rglob("*.xplane.pb")
        planes = jax.profiler.ProfileData.from_file(str(file)).planes
        return longest_first(planes, _STEPS)


def longest_first(planes: Iterable[Any], steps: int) -> list[dict[str, Any]]:
    """Sum the kernels in the planes of a profile by name, and divide by the number of steps.

    Threads of the host count only where no device was profiled.
    """
    total: dict[str, list[float]] = defaultdict(list)
    planes = list(planes)
    devices = [plane for plane in planes if plane.name.startswith(_DEVICES)]
    for plane in devices or planes:
        for line in plane.lines:
            if _is_kernels(plane.name, line.name):
                for event in line.events:
                    if not _is_frame(event.name):
                        total[event.name].append(event.duration_ns * 1e-9)
    longest = sorted(total.items(), key=lambda item: -sum(item[1]))
    return [
        {"name": name, "seconds": sum(times) / steps, "calls": len(times) / steps}
        for name, times in longest
    ]


def _is_kernels(plane: str, line: str) -> bool:
    gpu, tpu = _DEVICES
    if plane.startswith(gpu):
        return line.startswith("Stream")
    if plane.startswith(tpu):
        return line == "XLA Ops"
    return plane == "/host:CPU" and line.startswith("tf_XLA")


def _is_frame(name: str) -> bool:
    """Whether an event is not an operation, but encloses operations or waits for them."""
    return "::" in name or name.startswith(("end:", "ThreadpoolListener", "Threadpool"))
