"""Suppression of orbax's own logging: its output on standard error, and counters it collects."""

from __future__ import annotations

import inspect
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

_ORBAX = "orbax"  # directory of its files
# Its coroutines: of classes for trees, checkpointables, leaves and their types; and a function.
_HANDLERS = r"(\w*(Array|Checkpoint|Checkpointable|Leaf|PyTree|Type)Handler|Store)"
_NEVER_AWAITED = rf"({_HANDLERS}\..*|_read_array_index_and_device_put)"
COUNTERS = "experimental_collect_matching_metrics"


def filter_orbax() -> None:
    """Drop what orbax says on standard error; the exceptions that it raises remain.

    After a damaged checkpoint or a full disk it raises the first of many failures, which is
    reported in one line. The others are printed by its logger, by tasks that nobody waits for, by
    threads that call an event loop it has closed, and by coroutines that are never awaited. Other
    libraries' messages are not touched, except that of a closed event loop, which does not tell
    whose it was.
    """
    for name in ("absl", "asyncio"):
        logger = logging.getLogger(name)
        if _is_of_others not in logger.filters:
            logger.addFilter(_is_of_others)
    warnings.filterwarnings("ignore", f"coroutine '{_NEVER_AWAITED}' was never", RuntimeWarning)
    if getattr(sys.unraisablehook, "func", None) is not _unraisable:
        sys.unraisablehook = partial(_unraisable, sys.unraisablehook)


def quiet_orbax() -> None:
    """Drop all that the libraries used by orbax say in this process, which is a command's own."""
    filter_orbax()
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether a message was not logged by orbax, nor is about a failure of its or tensorstore's."""
    files = [record.pathname]
    if record.exc_info:
        files += [frame.filename for frame in traceback.extract_tb(record.exc_info[2])]
        if re.search("tensorstore_spec|OCDBT database", str(record.exc_info[1])):
            return False
    return not any(_ORBAX in Path(file).parts for file in files)


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
