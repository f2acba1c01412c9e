"""End of a command: what becomes of Ctrl-C and of the exceptions that its function raises."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from alexnet_jax.cli.values import mistakes_in_a_line


@contextlib.contextmanager
def end_at_interrupt() -> Iterator[None]:
    """End the process at once at SIGINT, in one line and with status 130.

    For the time in which libraries are imported and nothing needs to be cleaned up: an exception
    raised amid an import may turn into another, or be printed and lost.
    """

    def end(number: int, _: FrameType | None) -> None:
        os.write(2, b"\ninterrupted\n")
        os._exit(128 + number)

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def end_in_a_line() -> Iterator[None]:
    """End the process with a line and a status after mistakes of the user's, platforms that are not
    there, an interruption, and a computation that failed because another process died."""
    from alexnet_jax.runtime import Interrupted, require_platforms

    try:
        with mistakes_in_a_line(), require_platforms():
            yield
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(stop.status) from None
    except Exception as error:
        _end_if_peers_are_lost(error)
        raise


def _end_if_peers_are_lost(error: Exception) -> None:
    """End the process after a failed computation of several, before jax waits for the others."""
    import jax

    if not isinstance(error, jax.errors.JaxRuntimeError) or jax.process_count() == 1:
        return
    reason = str(error).splitlines()[0]
    print(
        f"error: process {jax.process_index()}: a computation of all {jax.process_count()} "
        f"processes failed ({reason}); if another process died, look at what it said. The same "
        "commands resume from the last checkpoint",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
