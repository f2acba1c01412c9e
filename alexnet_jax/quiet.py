"""Without the pages that orbax prints of checkpoints that cannot be read or written."""

from __future__ import annotations

import inspect
import logging
import sys
import warnings
from functools import partial
from typing import Any


def quiet_orbax() -> None:
    """Has this process drop what orbax leaves on standard error beside what it raises.

    Of a damaged checkpoint or a full disk it raises the first of many failures; that is told in a
    line. The others reach its loggers, threads that answer to an event loop it has closed, and
    coroutines that nobody awaits any more.
    """
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.excepthook = partial(_uncaught, sys.excepthook)
    sys.unraisablehook = partial(_unraisable, sys.unraisablehook)


def _uncaught(before: Any, kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if kind is not RuntimeError or str(error) != "Event loop is closed":
        before(kind, error, trace)


def _unraisable(before: Any, found: sys.UnraisableHookArgs) -> None:
    if not inspect.iscoroutine(found.object):
        before(found)
