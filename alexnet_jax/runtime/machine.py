"""The memory that a process holds, as the operating system counts it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

from alexnet_jax.errors import InputError

_STATUS = Path("/proc/self/status")


def forget_peak() -> None:
    """Lets `peak_bytes` count from now on, where the system can; on Linux it can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int | None:
    """The most memory that this process has held, or None where that cannot be asked."""
    if _STATUS.is_file():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return 1024 * int(found[1])
    try:
        import resource
    except ModuleNotFoundError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_to(threads: int) -> None:
    """Confines this process to so many of its cores, before libraries count them; 0 for all.

    Raises:
      InputError: more than there are; a system that cannot.
    """
    if threads == 0:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise InputError("this system cannot confine a process to some of its cores")
    allowed = sorted(os.sched_getaffinity(0))
    if not 0 < threads <= len(allowed):
        raise InputError(f"threads must lie in 1 to {len(allowed)}, got {threads}")
    os.sched_setaffinity(0, allowed[:threads])


def cpu_name() -> str:
    """The processor in words, and the cores that this process may use."""
    name = "CPU"
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        name = found[1].strip() if found else name
    count = cores()
    return f"{name}, {count} core{'s' * (count > 1)}"
