"""Stopping a run in order when it is asked to by a signal."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Interrupted(Exception):
    """A run was asked to stop and has saved its state. `status` is 128 + the signal's number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Signals:
    """While entered, the first SIGINT or SIGTERM is noted and a second one ends the process.

    The loop looks at `received` between steps, where there is a whole state to save.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def __enter__(self) -> Signals:
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)
