"""Writing in a background thread, from a copy of arrays that a training continues to use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax


def copied(tree: Any) -> Any:
    """Copy the jax arrays of a tree, each on its own devices.

    A training step donates its state, so a writer in another thread would otherwise read deleted
    or partly overwritten arrays. NumPy arrays are never donated, and are not copied. No program is
    compiled, as `jnp.copy` does for every shape.
    """

    def copy(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array):
            return leaf
        return jax.device_put(leaf, leaf.sharding, may_alias=False)

    return jax.tree.map(copy, tree)


class Writer:
    """Thread that runs a function; the next `wait` or `raise_if_failed` raises its exception."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._work: Future[None] | None = None

    def start(self, function: Callable[[], None]) -> None:
        """Wait for the previous function to end, then start this one."""
        self.wait()
        self._work = self._pool.submit(function)

    def raise_if_failed(self) -> None:
        """Raise the exception of the function, if it has ended with one; do not wait."""
        if self._work is not None and self._work.done():
            self.wait()

    def wait(self) -> None:
        """Wait until the function has ended; raise its exception, if any."""
        work = self._work
        if work is None:
            return
        error = work.exception()
        self._work = None
        if error is not None:
            raise error

    def close(self) -> None:
        self._pool.shutdown()
