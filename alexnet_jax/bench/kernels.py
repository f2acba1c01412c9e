"""The kernels of a program by time, from a profile."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

_STEPS = 5


def by_time(run: Callable[[int], Any]) -> list[dict[str, Any]]:
    """[{"name", "seconds", "calls"}, ...] of a step, the longest first, over a few profiled steps.

    On a GPU the kernels as the driver ran them; on a CPU the operations as XLA's threads ran
    them, where one that waits for others counts its waiting.
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
    """Whether an event is not an operation but something that holds operations or waits."""
    return "::" in name or name.startswith(("end:", "ThreadpoolListener", "Threadpool"))
