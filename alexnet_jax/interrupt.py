"""Stopping work in order when it is asked to by a signal. jax is not touched here."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType


class Interrupted(Exception):
    """A run was asked to stop and has saved its state. `status` is 128 + the signal's number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Signals:
    """While entered, the first SIGINT or SIGTERM is noted and a second one ends the process.

    The loop asks `stopping` between steps, where there is a whole state to save.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None

    def stopping(self, step: int) -> signal.Signals | None:
        """The signal to stop at, if any; to be asked after every step."""
        return self._received

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return {signal.SIGINT: self._handle, signal.SIGTERM: self._handle}

    def __enter__(self) -> Signals:
        self._before = {
            number: signal.signal(number, handle) for number, handle in self._handlers().items()
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._received is not None:
            os._exit(128 + number)
        self._received = signal.Signals(number)
