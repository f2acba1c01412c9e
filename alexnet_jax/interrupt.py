"""Stopping a run in order when it is asked to by a signal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

import jax


class Interrupted(Exception):
    """A run was asked to stop and has saved its state. `status` is 128 + the signal's number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Signals:
    """While entered, the first SIGINT or SIGTERM is noted and a second one ends the process.

    The loop asks `stopping` between steps, where there is a whole state to save. Of several
    processes, one that is signalled stops all at the same step. There jax handles SIGTERM and
    passes it on, and SIGINT becomes SIGTERM; a second SIGTERM changes nothing.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None

    def stopping(self, step: int) -> signal.Signals | None:
        """The signal to stop at, the same step in every process; to be asked at every step."""
        if jax.process_count() == 1:
            return self._received
        from jax.experimental import multihost_utils

        if multihost_utils.reached_preemption_sync_point(step):
            return self._received or signal.SIGTERM
        return None

    def __enter__(self) -> Signals:
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            signal.SIGINT: self._handle,
            signal.SIGTERM: self._handle,
        }
        if jax.process_count() > 1:
            handlers = {signal.SIGINT: self._pass_on}
        self._before = {
            number: signal.signal(number, handle) for number, handle in handlers.items()
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + number)
        self._received = signal.Signals(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._handle(number, frame)
        os.kill(os.getpid(), signal.SIGTERM)
