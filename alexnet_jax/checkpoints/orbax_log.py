"""Suppression of orbax's own logging: its output on standard error, and counters it collects."""

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
    """Suppress orbax's output on standard error in this process; the exceptions it raises remain.

    After a damaged checkpoint or a full disk it raises the first of many failures, which is
    reported in one line. The others are printed by its loggers, by threads that call an event loop
    it has closed, and by coroutines that are never awaited.
    """
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.unraisablehook = partial(_unraisable, sys.unraisablehook)


def _unraisable(previous: Any, error: sys.UnraisableHookArgs) -> None:
    """Pass an error to the previous hook, unless a closed event loop or a coroutine caused it."""
    late = error.exc_type is RuntimeError and str(error.exc_value) == "Event loop is closed"
    if not late and not inspect.iscoroutine(error.object):
        previous(error)


@contextmanager
def counters_unread() -> Iterator[None]:
    """Hide tensorstore's counters from orbax, which reads them around every save for its log.

    tensorstore 0.1.86 never frees the lists that it creates for them, 50 kB per save.
    """
    import tensorstore

    read = getattr(tensorstore, COUNTERS, _no_counters)
    if read is _no_counters:  # nested: another save hides them already
        yield
        return
    setattr(tensorstore, COUNTERS, _no_counters)
    try:
        yield
    finally:
        setattr(tensorstore, COUNTERS, read)


def _no_counters(*_: Any, **__: Any) -> list[Any]:
    return []
