"""Orderly stops on SIGINT, SIGTERM and SIGHUP. jax is imported only inside functions."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupted(Exception):
    """Stop of a run by a signal, after its state was saved; `status` is 128 + the signal number."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def hangup() -> tuple[signal.Signals, ...]:
    """Return SIGHUP, the end of a terminal, unless this process ignores it, as under `nohup`."""
    if not hasattr(signal, "SIGHUP") or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return ()
    return (signal.SIGHUP,)


class Signals:
    """Context that records the first SIGINT, SIGTERM or SIGHUP; the second ends the process.

    The training loop calls `stopping` between steps, where there is a complete state to save. The
    second signal ends the process at once, even while a step is computed or compiled and Python
    cannot run its signal handlers.
    """

    def __init__(self) -> None:
        self._received: signal.Signals | None = None

    def stopping(self, step: int) -> signal.Signals | None:
        """Return the signal that asks the run to stop, or None; call it after every step."""
        return self._received

    @property
    def received(self) -> signal.Signals | None:
        """The first signal that arrived in this process, or None."""
        return self._received

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return dict.fromkeys((signal.SIGINT, signal.SIGTERM, *hangup()), self._handle)

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
    """Read the number of every signal that arrives; end the process at the second of `numbers`."""
    with reader:
        count = 0
        while arrived := reader.recv(1):
            count += arrived[0] in numbers
            if count == 2:
                os._exit(128 + arrived[0])


class SharedSignals(Signals):
    """Signals of several processes: a signal to one of them stops all at the same step.

    jax handles SIGTERM and passes it on to the other processes; SIGINT and SIGHUP are turned into
    SIGTERM. A second SIGTERM changes nothing.
    """

    def stopping(self, step: int) -> signal.Signals | None:
        from jax.experimental import multihost_utils

        if multihost_utils.reached_preemption_sync_point(step):
            return self._received or signal.SIGTERM
        return None

    def _handlers(self) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        return dict.fromkeys((signal.SIGINT, *hangup()), self._pass_on)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._handle(number, frame)
        os.kill(os.getpid(), signal.SIGTERM)


def signals_of_run() -> Signals:
    """Return the signal handling for this run, of one process or of several."""
    import jax

    return Signals() if jax.process_count() == 1 else SharedSignals()


@contextlib.contextmanager
def cleaned_up_at_sigterm() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit with status 143 or 129, so that temporary files are
    removed.

    Without a handler a signal ends the process before any `finally` clause. A computation outside
    of Python ends first.
    """

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, *hangup())}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
