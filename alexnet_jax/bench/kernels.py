"""Kernels of a program in the order of their time, from a profile."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

_STEPS = 5


def kernels_by_time(run: Callable[[int], Any]) -> list[dict[str, Any]]:
    """Profile a few steps and return [{"name", "seconds", "calls"}, ...] per step, longest first.

    On a GPU these are the kernels that the driver ran; on a CPU they are the operations of XLA's
    threads, where the time of an operation includes its waiting for others.

    Args:
      run: function that runs a number of steps.
    """
    with tempfile.TemporaryDirectory() as directory:
        with jax.profiler.trace(directory):
            run(_STEPS)
        (file,) = Path(directory).rglob("*.xplane.pb")
        planes = list(jax.profiler.ProfileData.from_file(str(file)).planes)
        total: dict[str, list[float]] = defaultdict(list)
        for plane in planes:
            for line in plane.lines:
                if _is_kernels(plane.name, line.name):
                    for event in line.events:
                        if not _is_frame(event.name):
                            total[event.name].append(event.duration_ns * 1e-9)
    longest = sorted(total.items(), key=lambda item: -sum(item[1]))
    return [
        {"name": name, "seconds": sum(times) / _STEPS, "calls": len(times) / _STEPS}
        for name, times in longest
    ]


def _is_kernels(plane: str, line: str) -> bool:
    if plane.startswith("/device:GPU"):
        return line.startswith("Stream")
    return plane == "/host:CPU" and line.startswith("tf_XLA")


def _is_frame(name: str) -> bool:
    """Whether an event is not an operation, but encloses operations or waits for them."""
    return "::" in name or name.startswith(("end:", "ThreadpoolListener", "Threadpool"))
