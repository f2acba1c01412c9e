"""What the processes of one run tell each other; alone, everything here is the identity.

Processes call these functions in the same order, as they do every computation on arrays of all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np

from alexnet_jax.errors import FailedElsewhere, InputError

Value = TypeVar("Value")
_MESSAGE_BYTES = 600


def is_first() -> bool:
    """Whether this is the process that writes, draws and speaks."""
    return jax.process_index() == 0


def together(function: Callable[[], Value]) -> Value:
    """What the function returns here, once it has returned in every process.

    Raises:
      InputError: it raised InputError or OSError in a process: the error itself in the first of
        those, `FailedElsewhere` in all others.
    """
    if jax.process_count() == 1:
        return function()
    result, error = None, None
    try:
        result = function()
    except (InputError, OSError) as found:
        error = found
    said = f"{error}".encode()[:_MESSAGE_BYTES] if error is not None else b""
    row = np.zeros(_MESSAGE_BYTES + 1, np.uint8)
    row[0] = error is not None
    row[1 : 1 + len(said)] = np.frombuffer(said, np.uint8)
    rows = _allgather(row)
    failing = np.flatnonzero(rows[:, 0])
    if not failing.size:
        return result  # type: ignore[return-value]
    where = int(failing[0])
    if where == jax.process_index():
        assert error is not None
        raise error
    text = rows[where, 1:].tobytes().rstrip(b"\0").decode(errors="replace")
    raise FailedElsewhere(f"process {where}: {text}")


def by_first(function: Callable[[], None]) -> None:
    """Runs the function in the first process; the others wait, and fail if it does."""
    together(function if is_first() else lambda: None)


def failure(text: str) -> InputError:
    """What every process finds wrong, to be raised: told by the first of them alone."""
    return InputError(text) if is_first() else FailedElsewhere(text)


def said_by_first(number: int) -> int:
    """The first process's number, in every process."""
    if jax.process_count() == 1:
        return number
    return int(_allgather(np.array(number, np.int32))[0])


def largest(rows: np.ndarray) -> np.ndarray:
    """Element by element the largest value that any process has: [...] -> [...]."""
    return rows if jax.process_count() == 1 else _allgather(rows).max(0)


def whole(array: Any) -> np.ndarray:
    """All of an array in this process's memory, wherever its parts are."""
    if isinstance(array, jax.Array) and not (
        array.is_fully_addressable or array.is_fully_replicated
    ):
        return np.asarray(_multihost().process_allgather(array, tiled=True))
    return np.asarray(jax.device_get(array))


def _allgather(array: np.ndarray) -> np.ndarray:
    return np.asarray(_multihost().process_allgather(array))


def _multihost() -> Any:
    from jax.experimental import multihost_utils

    return multihost_utils
