"""Writing beside the training, from a copy of what the training goes on with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax


def copied(tree: Any) -> Any:
    """The arrays of jax in a tree in memory of their own, where they are.

    A training step gives the memory of its state away to the next state; a writer beside it would
    otherwise find arrays that are gone, or half of each. NumPy's are nobody's to give away.
    """
    return jax.tree.map(lambda leaf: leaf.copy() if isinstance(leaf, jax.Array) else leaf, tree)


class Writer:
    """Runs a function in a thread; what that raises is raised by the next `wait` or `look`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._work: Future[None] | None = None

    def start(self, function: Callable[[], None]) -> None:
        """Starts it once the one before has ended."""
        self.wait()
        self._work = self._pool.submit(function)

    def look(self) -> None:
        """Raises what the function raised, if it has ended by now; waits for nothing."""
        if self._work is not None and self._work.done():
            self.wait()

    def wait(self) -> None:
        """Returns once the function has ended."""
        work = self._work
        if work is None:
            return
        error = work.exception()
        self._work = None
        if error is not None:
            raise error

    def close(self) -> None:
        self._pool.shutdown()
