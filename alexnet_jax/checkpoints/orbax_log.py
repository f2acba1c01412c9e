"""Without what orbax does for its own log: pages about checkpoints, counters it reads."""

from __future__ import annotations

import inspect
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

COUNTERS = "experimental_collect_matching_metrics"


def quiet_orbax() -> None:
    """Has this process drop what orbax leaves on standard error beside what it raises.

    Of a damaged checkpoint or a full disk it raises the first of many failures; that is told in a
    line. The others reach its loggers, threads that answer to an event loop it has closed, and
    coroutines that nobody awaits any more.
    """
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.unraisablehook = partial(_unraisable, sys.unraisablehook)


def _unraisable(before: Any, found: sys.UnraisableHookArgs) -> None:
    late = found.exc_type is RuntimeError and str(found.exc_value) == "Event loop is closed"
    if not late and not inspect.iscoroutine(found.object):
        before(found)


@contextmanager
def counters_unread() -> Iterator[None]:
    """Within, orbax finds no counters of tensorstore, which it adds up around a save for its log.

    tensorstore never frees the lists that it makes of them (0.1.86): 50 kB a save, for ever.
    """
    import tensorstore

    read = getattr(tensorstore, COUNTERS, _no_counters)
    if read is _no_counters:  # inside another save
        yield
        return
    setattr(tensorstore, COUNTERS, _no_counters)
    try:
        yield
    finally:
        setattr(tensorstore, COUNTERS, read)


def _no_counters(*_: Any, **__: Any) -> list[Any]:
    return []
