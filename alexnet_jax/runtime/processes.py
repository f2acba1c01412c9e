"""Agreement between the processes of one run; in a run of one process, nothing is exchanged.

All processes must call these functions in the same order, as they must run every computation on
arrays that they share.
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
    """Whether this is the process that writes files, draws figures and prints."""
    return jax.process_index() == 0


def on_all_processes(function: Callable[[], Value]) -> Value:
    """Call the function in every process and return its result once all calls have returned.

    Raises:
      InputError, OSError: the function raised one of them in some process. The first such process
        raises the error itself, all others raise `FailedElsewhere`.
    """
    if jax.process_count() == 1:
        return function()
    result, error = None, None
    try:
        result = function()
    except (InputError, OSError) as caught:
        error = caught
    message = f"{error}".encode()[:_MESSAGE_BYTES] if error is not None else b""
    row = np.zeros(_MESSAGE_BYTES + 1, np.uint8)
    row[0] = error is not None
    row[1 : 1 + len(message)] = np.frombuffer(message, np.uint8)
    rows = allgather(row)
    failing = np.flatnonzero(rows[:, 0])
    if not failing.size:
        return result  # type: ignore[return-value]
    process = int(failing[0])
    if process == jax.process_index():
        assert error is not None
        raise error
    text = rows[process, 1:].tobytes().rstrip(b"\0").decode(errors="replace")
    raise FailedElsewhere(f"process {process}: {text}")


def on_first_process(function: Callable[[], object]) -> None:
    """Call the function in the first process; the others wait for it, and fail if it fails."""
    on_all_processes(function if is_first() else lambda: None)


def shared_error(text: str, kind: type[InputError] = InputError) -> InputError:
    """Return the error to raise where every process detects one fault; only the first prints it."""
    return kind(text) if is_first() else FailedElsewhere(text)


def broadcast_from_first(number: int) -> int:
    """Return the first process's `number` in every process."""
    if jax.process_count() == 1:
        return number
    return int(allgather(np.array(number, np.int32))[0])


def elementwise_max(rows: np.ndarray) -> np.ndarray:
    """Return the elementwise maximum of `rows` over all processes: [...] -> [...]."""
    return rows if jax.process_count() == 1 else allgather(rows).max(0)


def gather_to_host(array: Any) -> np.ndarray:
    """Return the complete array in this process's memory, wherever its shards are."""
    if isinstance(array, jax.Array) and not (
        array.is_fully_addressable or array.is_fully_replicated
    ):
        return np.asarray(_multihost().process_allgather(array, tiled=True))
    return np.asarray(jax.device_get(array))


def allgather(array: np.ndarray) -> np.ndarray:
    """Return [P, ...]: the array of every process; all have the same shape and dtype."""
    return np.asarray(_multihost().process_allgather(array))


def _multihost() -> Any:
    from jax.experimental import multihost_utils

    return multihost_utils
