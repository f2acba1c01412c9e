"""Stopping work in order when it is asked to by a signal. jax is not touched here."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType


class Interrupted(Exception):
    """A run was asked to stop and has saved its state. `status` is 128 + the signal's number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Signals:
    """While entered, the first SIGINT or SIGTERM is noted and a second one ends the process.

    The loop asks `stopping` between steps, where there is a whole state to save. The second signal
    ends it at once, also while a step is computed or compiled, when Python itself hears of none.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None

    def stopping(self, step: int) -> signal.Signals | None:
        """The signal to stop at, if any; to be asked after every step."""
        return self._received

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return {signal.SIGINT: self._handle, signal.SIGTERM: self._handle}

    def __enter__(self) -> Signals:
        handlers = self._handlers()
        self._before = {
            number: signal.signal(number, handle) for number, handle in handlers.items()
        }
        reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_end_at_second, args=(reader, set(handlers)), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        self._writer.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._received = signal.Signals(number)


def _end_at_second(reader: socket.socket, numbers: set[signal.Signals]) -> None:
    """Reads the number of every signal as it arrives; ends the process at the second of these."""
    with reader:
        count = 0
        while arrived := reader.recv(1):
            count += arrived[0] in numbers
            if count == 2:
                os._exit(128 + arrived[0])


class SharedSignals(Signals):
    """As `Signals`, for several processes: one that is signalled stops all at the same step.

    jax handles SIGTERM and passes it on; SIGINT becomes SIGTERM. A second SIGTERM changes nothing.
    """

    def stopping(self, step: int) -> signal.Signals | None:
        from jax.experimental import multihost_utils

        if multihost_utils.reached_preemption_sync_point(step):
            return self._received or signal.SIGTERM
        return None

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return {signal.SIGINT: self._pass_on}

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._handle(number, frame)
        os.kill(os.getpid(), signal.SIGTERM)


def signals_of_run() -> Signals:
    """What the processes of this run listen with."""
    import jax

    return Signals() if jax.process_count() == 1 else SharedSignals()
