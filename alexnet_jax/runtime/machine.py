"""Memory, cores and processor of this process, as the operating system reports them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    import jax

_STATUS, _MEMINFO = Path("/proc/self/status"), Path("/proc/meminfo")
_GROUPS, _GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def reset_peak_bytes() -> None:
    """Reset the peak that `peak_bytes` returns, where the system allows it, as Linux does."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int | None:
    """Return the peak resident memory of this process in bytes, or None if it is not available."""
    if _STATUS.is_file():
        match = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if match:
            return 1024 * int(match[1])
    try:
        import resource
    except ModuleNotFoundError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def free_bytes() -> int | None:
    """Return the bytes of memory that this process can still take, or None if it is not known.

    On Linux: what the system has available, swap included, or what the process's own control group
    leaves of its limit (version 2), if that is less. Files in the cache count as free.
    """
    system = _numbers(_MEMINFO)
    if "MemAvailable" not in system:
        return None
    free = 1024 * (system["MemAvailable"] + system.get("SwapFree", 0))
    group = _GROUPS
    with contextlib.suppress(OSError):
        group = _GROUPS / _GROUP.read_text().split("0::/")[-1].strip()
    limit, used = (_number(group / f"memory.{name}") for name in ("max", "current"))
    if limit is None or used is None:
        return free
    cached = _numbers(group / "memory.stat").get("inactive_file", 0)
    return min(free, max(0, limit - used + cached))


def _numbers(file: Path) -> dict[str, int]:
    """Return the numbers of a file of lines of names and numbers; none if it cannot be read."""
    with contextlib.suppress(OSError):
        return {name: int(n) for name, n in re.findall(r"^(\w+):?\s+(\d+)", file.read_text(), re.M)}
    return {}


def _number(file: Path) -> int | None:
    """Return the number that a file holds; None for a word, or if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return None


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_cores(threads: int) -> None:
    """Confine this process to `threads` of its cores, or to all of them for 0.

    Call it before libraries count the cores.

    Raises:
      InputError: `threads` is negative or exceeds the cores; the system cannot confine a process.
    """
    if threads == 0:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise InputError("this system cannot confine a process to some of its cores")
    allowed = sorted(os.sched_getaffinity(0))
    if not 0 < threads <= len(allowed):
        raise InputError(f"threads must lie in 1 to {len(allowed)}, got {threads}")
    os.sched_setaffinity(0, allowed[:threads])


def version_of(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_name() -> str:
    """Return the processor's name and the number of cores that this process may use, as text."""
    name = "CPU"
    with contextlib.suppress(OSError):
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        name = match[1].strip() if match else name
    count = cores()
    return f"{name}, {count} {'cores' if count > 1 else 'core'}"


def device_name(device: jax.Device) -> str:
    """Return the name of an accelerator, or of the processor, with its cores, for a CPU device."""
    return cpu_name() if device.platform == "cpu" else str(device.device_kind)
